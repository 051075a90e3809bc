import { buildModule } from "../../deploy/envoy/module.ts";

/** Global setup of the projects that load `oneapi.wasm`. */
export default async function setup(): Promise<void> {
  await buildModule(console.error);
}
