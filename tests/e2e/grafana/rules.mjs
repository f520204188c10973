// What must hold for a dashboard although the published types allow anything else.

import * as units from "@grafana/grafana-foundation-sdk/units";

const COLUMNS = 24;
const UNITS = new Set(Object.values(units));
// The calculations that Grafana registers; no package of constants has them.
const REDUCERS = new Set(
  `allIsNull allIsZero allValues changeCount count countAll delta diff diffperc distinctCount
  first firstNotNull last lastNotNull logmin max mean median min range stdDev step sum
  uniqueValues variance`.split(/\s+/),
);
const PERCENTILE = /^p\d\d?$/;
// The global variables that have a value in a query of Prometheus.
const BUILT_IN = `__dashboard __from __interval __interval_ms __org __range __range_ms __range_s
  __rate_interval __rate_interval_ms __to __user`.split(/\s+/);
// `$name`, `${name}`, `${name:format}`, `${name.field}` and `[[name]]`. `$1` is a group of a
// regular expression.
const REFERENCE = /\$([a-z_]\w*)|\$\{(\w+)[^}]*\}|\[\[(\w+)[^\]]*\]\]/gi;

// Returns all panels of a dashboard, with the rows and the panels in closed rows.
export function allPanels(dashboard) {
  return (dashboard.panels ?? []).flatMap((panel) => [panel, ...(panel.panels ?? [])]);
}

export function brokenRules(dashboard) {
  const panels = allPanels(dashboard);
  const variables = dashboard.templating?.list ?? [];
  const queries = panels.map(({ datasource, targets }) => ({ datasource, targets }));
  return [
    ...duplicates(panels.map(({ id }) => id)).map((id) => `the id ${id} is not unique`),
    ...misplaced(panels),
    ...unknownVariables(variables, [variables, queries]),
    ...panels.flatMap((panel) => {
      return brokenRulesOfPanel(panel).map((problem) => `panel "${panel.title}": ${problem}`);
    }),
  ];
}

function brokenRulesOfPanel({ fieldConfig, options, targets, title, type }) {
  const problems = title ? [] : ["there is no title"];
  if (type === "row") {
    return problems;
  }
  if (!targets?.length) {
    problems.push("there are no queries");
  }
  for (const refId of duplicates((targets ?? []).map(({ refId }) => refId))) {
    problems.push(`the refId ${refId} is not unique`);
  }
  for (const { expr, refId } of targets ?? []) {
    if (!expr?.trim()) {
      problems.push(`the query ${refId} is empty`);
    }
  }
  const unit = fieldConfig?.defaults?.unit;
  if (unit !== undefined && !UNITS.has(unit)) {
    problems.push(`the unit ${unit} does not exist`);
  }
  const { legend, reduceOptions } = options ?? {};
  for (const reducer of [...(legend?.calcs ?? []), ...(reduceOptions?.calcs ?? [])]) {
    if (!REDUCERS.has(reducer) && !PERCENTILE.test(reducer)) {
      problems.push(`the calculation ${reducer} does not exist`);
    }
  }
  return problems;
}

// Panels outside the grid and panels that overlap.
function misplaced(panels) {
  const placed = panels.filter(({ gridPos }) => gridPos);
  const problems = placed.filter(({ gridPos }) => !isInGrid(gridPos)).map(({ title, gridPos }) => {
    return `panel "${title}" is outside the grid: ${JSON.stringify(gridPos)}`;
  });
  placed.forEach((panel, index) => {
    for (const other of placed.slice(index + 1)) {
      if (overlap(panel.gridPos, other.gridPos)) {
        problems.push(`the panels "${panel.title}" and "${other.title}" overlap`);
      }
    }
  });
  return problems;
}

function isInGrid({ h, w, x, y }) {
  const areWhole = [h, w, x, y].every(Number.isInteger);
  return areWhole && h > 0 && w > 0 && x >= 0 && y >= 0 && x + w <= COLUMNS;
}

function overlap(one, other) {
  return (
    one.x < other.x + other.w &&
    other.x < one.x + one.w &&
    one.y < other.y + other.h &&
    other.y < one.y + one.h
  );
}

// References in the texts of some parts of the dashboard to variables that do not exist.
function unknownVariables(variables, parts) {
  const known = new Set([...variables.map(({ name }) => name), ...BUILT_IN]);
  const problems = new Set();
  JSON.stringify(parts, (key, value) => {
    // The chosen value of a variable is text of its own syntax, such as `$__all`.
    if (key === "current") {
      return undefined;
    }
    for (const match of typeof value === "string" ? value.matchAll(REFERENCE) : []) {
      const name = match.slice(1).find(Boolean);
      if (!known.has(name)) {
        problems.add(`the variable ${name} does not exist: ${value}`);
      }
    }
    return value;
  });
  return [...problems];
}

function duplicates(values) {
  return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}
