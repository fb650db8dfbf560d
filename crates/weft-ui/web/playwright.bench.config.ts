/** The bench: not tests, so it has a configuration of its own. One measurement after another, each with a fresh browser context. */
import { defineConfig } from "@playwright/test";
import tests from "./playwright.config";

export default defineConfig({
  ...tests,
  testDir: "./bench",
  testMatch: "*.bench.ts",
  globalSetup: "./bench/setup.ts",
  workers: 1,
  fullyParallel: false,
  timeout: 300_000,
  reporter: "./bench/reporter.ts",
  use: { ...tests.use, trace: "off", screenshot: "off" },
});
