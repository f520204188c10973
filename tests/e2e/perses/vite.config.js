import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // Prometheus serves the page below /user.
  base: "./",
  // @perses-dev/core calls `global.fetch`.
  define: { global: "globalThis" },
  // Each of these has a context or a registry that all packages must share.
  resolve: {
    dedupe: [
      "@emotion/react",
      "@mui/material",
      "@tanstack/react-query",
      "echarts",
      "react",
      "react-dom",
    ],
  },
  // The page waits for its dashboard at the top level of a module.
  build: { target: "es2022", reportCompressedSize: false, chunkSizeWarningLimit: 10_000 },
});
