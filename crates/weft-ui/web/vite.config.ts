/** Vite's configuration: relative assets (a base path works), hashes in names, a proxy for development. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.WEFT_SERVER ?? "http://127.0.0.1:8080";
const token = process.env.WEFT_TOKEN;

export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    sourcemap: false,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
  worker: { format: "es" },
  server: {
    proxy: {
      "/api": {
        target: server,
        changeOrigin: true,
        ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}),
      },
    },
  },
  test: { include: ["src/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
