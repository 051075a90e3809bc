import { realKongCases } from "./real-kong.ts";

const program = process.env.KONG_BIN ?? "";
const missing = program === "" ? "KONG_BIN does not name a real Kong's program" : null;
realKongCases({ name: "the Kong of KONG_BIN", missing, program });
