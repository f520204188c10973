// Whether the last five minutes meet the objectives that the code states.

import * as format from "./format.js";
import { HISTORY_SECONDS } from "./history.js";
import { objectiveShare } from "./stats.js";

const STATES = {
  true: { kind: "met", mark: "✓", sign: "≥", spoken: "met" },
  false: { kind: "missed", mark: "✗", sign: "<", spoken: "missed" },
  null: { kind: "unknown", mark: "○", sign: "of", spoken: "no values yet" },
};

/** The objectives of an endpoint, with their share in the last five minutes. */
export function objectivesOf(endpoint, history, page) {
  return page.description.objectives
    .filter((objective) => objective.endpoint === endpoint)
    .map((objective) => measured(objective, history, page));
}

/** The objectives of all endpoints that the filter selects. */
export function allObjectives(history, page) {
  return page.description.objectives
    .filter(({ endpoint }) => page.endpointFilter.selects({ endpoint }))
    .map((objective) => measured(objective, history, page));
}

/** Adds `share`, and `isMet`, which is null if no request counts. */
function measured(objective, history, page) {
  const share = objectiveShare(objective, history, {
    requests: page.fiveMinutes("requests", objective.endpoint),
    streams: page.fiveMinutes("streams", objective.endpoint),
  });
  const isMet = Number.isNaN(share) ? null : share * 100 >= objective.percent;
  return { ...objective, share, isMet };
}

export function objectiveBadge({ condition, seconds, percent, share, isMet }) {
  const names = {
    success: "success",
    latency: `within ${format.seconds(seconds)}`,
    first_token: `first token within ${format.seconds(seconds)}`,
  };
  const goal = `${percent}\u202f%`;
  const state = STATES[isMet];
  return {
    text: `${state.mark} ${names[condition]}: ${format.percent(share)} ${state.sign} ${goal}`,
    kind: state.kind,
    spoken: state.spoken,
    title: `Objective: at least ${goal} in the last ${format.duration(HISTORY_SECONDS)}`,
  };
}
