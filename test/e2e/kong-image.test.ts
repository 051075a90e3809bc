import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { imageMissing, installImage, KONG_IMAGE } from "../kong/image.ts";
import { realKongCases } from "./real-kong.ts";

const folder = mkdtempSync(join(tmpdir(), "oneapi-kong-image-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
realKongCases({ name: KONG_IMAGE, missing: await imageMissing(), program: await installImage(folder) });
