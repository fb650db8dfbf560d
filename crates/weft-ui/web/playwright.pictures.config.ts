/** Pictures of the views: not tests, so they have a configuration of their own. */
import { defineConfig } from "@playwright/test";
import tests from "./playwright.config";

export default defineConfig({
  ...tests,
  testMatch: "pictures.ts",
  timeout: 120_000,
  use: { ...tests.use, trace: "off" },
});
