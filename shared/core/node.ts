// What Node programs import: the target's constant first, then the core. (asc takes no `export … from`: Wasm imports the files.)
import "./target.ts";

export { ByteWriter } from "./byte-writer.ts";
export { ClientRequest, Exchange, Provider, ProviderRequest } from "./exchange.ts";
export { Json } from "./json.ts";
export { JsonWriter } from "./json-writer.ts";
export { Problem } from "./problem.ts";
export { clusterNames, orderName, orders, Route, RouteTarget } from "./route.ts";
export { SseReader } from "./sse.ts";
export { Usage } from "./usage.ts";
