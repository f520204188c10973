// Numbers and times as short texts. All texts are English, as the page is.

const NONE = "–";
const THIN_SPACE = "\u202f";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** Formats with three significant digits at most, without a trailing zero. */
function short(number) {
  const digits = Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 10 ? 1 : 2;
  return String(Number(number.toFixed(digits)));
}

function scaled(number, base, units) {
  let unit = 0;
  while (Math.abs(number) >= base * 0.9995 && unit < units.length - 1) {
    number /= base;
    unit += 1;
  }
  return short(number) + (units[unit] && THIN_SPACE + units[unit]);
}

export function rate(perSecond) {
  if (!Number.isFinite(perSecond)) return NONE;
  if (perSecond > 0 && perSecond < 0.005) return "<0.01";
  return scaled(perSecond, 1000, ["", "k", "M", "G"]);
}

export function count(number) {
  return Number.isFinite(number) ? whole.format(number) : NONE;
}

/** A count with its noun in the singular or plural. */
export function counted(number, noun) {
  return `${compact(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A count for narrow places. */
export function compact(number) {
  if (!Number.isFinite(number)) return NONE;
  return number < 10_000 ? whole.format(number) : scaled(number, 1000, ["", "k", "M", "G"]);
}

export function bytes(number) {
  if (!Number.isFinite(number)) return NONE;
  return scaled(number, 1000, ["B", "kB", "MB", "GB", "TB"]);
}

/** A duration that was measured, from microseconds to hours. */
export function seconds(value) {
  if (!Number.isFinite(value)) return NONE;
  if (value === 0) return `0${THIN_SPACE}s`;
  if (value < 0.9995e-3) return `${short(value * 1e6)}${THIN_SPACE}µs`;
  if (value < 0.9995) return `${short(value * 1e3)}${THIN_SPACE}ms`;
  if (value < 119.95) return `${short(value)}${THIN_SPACE}s`;
  return duration(value);
}

/** The age of a request, which is a lower limit if it arrived before the page was opened. */
export function age(value, isAtLeast) {
  return value > 0 ? (isAtLeast ? ">" : "") + seconds(value) : NONE;
}

/** A duration in whole units: `4 min 10 s`, `3 h 5 min`, `2 d 4 h`. */
export function duration(value) {
  const parts = [
    ["d", Math.floor(value / 86_400)],
    ["h", Math.floor(value / 3600) % 24],
    ["min", Math.floor(value / 60) % 60],
    ["s", Math.floor(value) % 60],
  ];
  const first = parts.findIndex(([, amount]) => amount > 0);
  if (first < 0) return `0${THIN_SPACE}s`;
  const shown = parts.slice(first, first + 2).filter(([, amount]) => amount > 0);
  return shown.map(([unit, amount]) => amount + THIN_SPACE + unit).join(" ");
}

/** A quantile, which is a lower limit if the value is above the last bound. */
export function quantile({ value, isAbove }) {
  return (isAbove ? ">" : "") + seconds(value);
}

export function percent(share) {
  if (!Number.isFinite(share)) return NONE;
  if (share > 0 && share < 0.0001) return `<0.01${THIN_SPACE}%`;
  return fixedPercent(share * 100);
}

/** Never rounds up to 100: an objective of 99.99 that is missed must not look perfect. */
function fixedPercent(value) {
  const digits = value === 0 || value === 100 ? 0 : value > 99 || value < 1 ? 2 : 1;
  const factor = 10 ** digits;
  const rounded = value > 99 ? Math.floor(value * factor + 1e-9) / factor : value;
  return `${Number(rounded.toFixed(digits))}${THIN_SPACE}%`;
}

export function dollars(amount) {
  if (!Number.isFinite(amount)) return NONE;
  if (amount === 0) return "$0";
  if (amount < 0.0001) return "<$0.0001";
  const digits = amount < 0.1 ? 4 : amount < 10 ? 3 : amount < 100 ? 2 : 0;
  return `$${amount.toFixed(digits)}`;
}

/** A closed label value as words: `client_error` becomes `client error`. */
export function words(label) {
  return label.replaceAll("_", " ");
}
