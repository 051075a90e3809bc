import { conformance } from "./conformance.ts";
import { runInCore } from "./core-runner.ts";

conformance("the TypeScript core", runInCore);
