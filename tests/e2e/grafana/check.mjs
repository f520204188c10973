// Checks Grafana dashboards against the published types, and by the rules in rules.mjs.
//
//   node check.mjs grafana.json ...
//
// Prints one JSON object with the problems of each file.

import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { createGenerator } from "ts-json-schema-generator";
import { allPanels, brokenRules } from "./rules.mjs";

const ajv = new Ajv({ allErrors: true, strict: false });
const config = { path: "types.ts", tsconfig: "tsconfig.json", skipTypeCheck: true };
const schemas = createGenerator({ ...config, type: "*" }).createSchema("*");
ajv.addSchema({ ...schemas, $id: "types" });
const panelTypes = Object.keys(schemas.definitions.Panels.properties);

// Returns how a value differs from a definition in types.ts.
function differences(definition, value, place) {
  const matches = ajv.getSchema(`types#/definitions/${definition}`);
  if (matches(value)) {
    return [];
  }
  return matches.errors.map(({ instancePath, message, params }) => {
    const detail = params.additionalProperty ?? params.allowedValues ?? params.allowedValue ?? "";
    return `${place}${instancePath} ${message} ${detail}`.trim();
  });
}

function problems(dashboard) {
  const found = differences("Dashboard", dashboard, "dashboard");
  for (const panel of allPanels(dashboard)) {
    const place = `panel "${panel.title}"`;
    if (panelTypes.includes(panel.type)) {
      found.push(...differences(`Panels/properties/${panel.type}`, panel, place));
    } else {
      found.push(`${place} is of the unknown type ${panel.type}`);
    }
  }
  return [...found, ...brokenRules(dashboard)];
}

const files = process.argv.slice(2);
const results = files.map((file) => [file, problems(JSON.parse(readFileSync(file)))]);
console.log(JSON.stringify(Object.fromEntries(results)));
