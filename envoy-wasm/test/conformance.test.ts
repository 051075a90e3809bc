import { conformance } from "../../shared/vectors/conformance.ts";
import { runInWasm } from "./wasm-runner.ts";

conformance("oneapi.wasm", runInWasm);
