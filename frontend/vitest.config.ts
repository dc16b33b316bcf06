import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["tests/unit/**/*.test.ts", "tests/schedules/**/*.test.ts"], maxWorkers: 2, testTimeout: 60_000 },
});
