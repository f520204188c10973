// Renders a dashboard with the Prometheus that serves this page. Parameters of the address:
//
//   dashboard   the file of the dashboard, relative to the page
//   duration    how far back the panels go; by default as far as the dashboard says
//   interval    the scrape interval, from which the window of rates follows

import { Box, CssBaseline, ThemeProvider } from "@mui/material";
import {
  ChartsProvider,
  SnackbarProvider,
  generateChartsTheme,
  getTheme,
} from "@perses-dev/components";
import {
  Dashboard,
  DashboardProvider,
  DatasourceStoreProvider,
  VariableList,
  VariableProvider,
} from "@perses-dev/dashboards";
import {
  PluginRegistry,
  TimeRangeProvider,
  dynamicImportPluginLoader,
} from "@perses-dev/plugin-system";
import * as prometheusPlugin from "@perses-dev/prometheus-plugin";
import * as statChartPlugin from "@perses-dev/stat-chart-plugin";
import * as timeSeriesChartPlugin from "@perses-dev/timeseries-chart-plugin";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { setPlatformAPI } from "echarts/core";
import { useState } from "react";
import { createRoot } from "react-dom/client";

// ECharts measures this character as the height of a line. A machine without Chinese fonts draws a
// narrow replacement, and the labels of the axes would be cut off.
const FULL_WIDTH = "\u56fd";
const canvas = document.createElement("canvas").getContext("2d");
setPlatformAPI({
  measureText(text, font = "12px sans-serif") {
    canvas.font = font;
    const size = parseFloat(/([\d.]+)px/.exec(font)?.[1] ?? "12");
    return text === FULL_WIDTH ? { width: size } : canvas.measureText(text);
  },
});

const parameters = new URLSearchParams(location.search);
const theme = getTheme("light");
const chartsTheme = generateChartsTheme(theme, {});
// A failing query shows its error at once.
const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } });
const pluginLoader = dynamicImportPluginLoader(
  [prometheusPlugin, statChartPlugin, timeSeriesChartPlugin].map((plugin) => ({
    resource: plugin.getPluginModule(),
    importPlugin: async () => plugin,
  })),
);
const datasource = {
  kind: "GlobalDatasource",
  metadata: { name: "prometheus" },
  spec: {
    default: true,
    plugin: {
      kind: "PrometheusDatasource",
      spec: { directUrl: location.origin, scrapeInterval: parameters.get("interval") ?? "1s" },
    },
  },
};
const datasourceApi = {
  getDatasource: async () => undefined,
  getGlobalDatasource: async () => datasource,
  listDatasources: async () => [],
  listGlobalDatasources: async () => [datasource],
};
const defaultPluginKinds = {
  Panel: "TimeSeriesChart",
  TimeSeriesQuery: "PrometheusTimeSeriesQuery",
};

function Page({ dashboard }) {
  const [timeRange, setTimeRange] = useState({
    pastDuration: parameters.get("duration") ?? dashboard.spec.duration,
  });
  const [refreshInterval, setRefreshInterval] = useState("0s");
  const time = { timeRange, setTimeRange, refreshInterval, setRefreshInterval };
  return (
    <ThemeProvider theme={theme}>
      <CssBaseline />
      <ChartsProvider chartsTheme={chartsTheme} enablePinning={false}>
        <SnackbarProvider>
          <QueryClientProvider client={queryClient}>
            <PluginRegistry pluginLoader={pluginLoader} defaultPluginKinds={defaultPluginKinds}>
              <DatasourceStoreProvider dashboardResource={dashboard} datasourceApi={datasourceApi}>
                <DashboardProvider
                  initialState={{ isEditMode: false, dashboardResource: dashboard }}
                >
                  <TimeRangeProvider {...time}>
                    <VariableProvider initialVariableDefinitions={dashboard.spec.variables}>
                      <Box sx={{ padding: 1.5 }}>
                        <Box sx={{ display: "flex", gap: 1, marginBottom: 0.5 }}>
                          <VariableList />
                        </Box>
                        <Dashboard />
                      </Box>
                    </VariableProvider>
                  </TimeRangeProvider>
                </DashboardProvider>
              </DatasourceStoreProvider>
            </PluginRegistry>
          </QueryClientProvider>
        </SnackbarProvider>
      </ChartsProvider>
    </ThemeProvider>
  );
}

// For the tests, which wait until no query is in progress or waits for the values of variables.
// Queries without observers were replaced when a value arrived.
globalThis.hasAllResults = () => {
  return queryClient
    .getQueryCache()
    .getAll()
    .filter((query) => query.getObserversCount() > 0)
    .every(({ state }) => state.status !== "loading" && state.fetchStatus === "idle");
};

const response = await fetch(parameters.get("dashboard"));
const dashboard = await response.json();
createRoot(document.getElementById("root")).render(<Page dashboard={dashboard} />);
