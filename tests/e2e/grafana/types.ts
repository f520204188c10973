// The type of the dashboards that the library writes: the published types, and narrower types where
// these allow anything.

import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import type {
  Options as StatOptions,
} from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type {
  FieldConfig as TimeSeriesField,
  Options as TimeSeriesOptions,
} from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
import type {
  Dashboard as AnyDashboard,
  FieldConfig,
  GridPos,
  Panel as AnyPanel,
  RowPanel,
} from "@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen";

interface DataSource {
  type: "prometheus";
  uid: string;
}

// The SDK's queries are objects with a method.
type Query = Omit<Dataquery, "_implementsDataqueryVariant" | "datasource" | "refId"> & {
  datasource: DataSource;
  refId: string;
};

interface Fields<Custom> {
  defaults: Omit<FieldConfig, "custom"> & { custom?: Partial<Custom> };
  overrides: unknown[];
}

// `Panel` of @grafana/schema has options, fields and queries of any type.
type Panel<Type, Options, Custom> = Omit<
  AnyPanel,
  "type" | "options" | "fieldConfig" | "targets" | "datasource" | "gridPos" | "id"
> & {
  type: Type;
  id: number;
  gridPos: GridPos;
  datasource: DataSource;
  targets: Query[];
  options: Partial<Options>;
  fieldConfig: Fields<Custom>;
};

type Row = Omit<RowPanel, "panels" | "gridPos"> & { gridPos: GridPos; panels: unknown[] };

// The definition of each type of panel. A new type of panel needs a line here.
export interface Panels {
  row: Row;
  stat: Panel<"stat", StatOptions, Record<string, never>>;
  timeseries: Panel<"timeseries", TimeSeriesOptions, TimeSeriesField>;
}

// check.mjs checks each panel by itself, with the definition of its type: for a union, it would
// print the errors of all types.
export type Dashboard = Omit<AnyDashboard, "panels"> & { panels: unknown[] };
