/**
 * Kong as its vendor ships it, in a container, with the face of an installed one: `up` and the tests run its `bin/kong` and its
 * nginx as those of any Kong (`KONG_BIN`).
 */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { getContainerRuntimeClient, ImageName } from "testcontainers";

export const KONG_IMAGE = "kong:3.9";

const PROGRAM = fileURLToPath(new URL("image-main.ts", import.meta.url));

/** Why no container of the image can be run here; null when one can. The image is fetched when it is not there. */
export async function imageMissing(): Promise<string | null> {
  if (process.platform !== "linux") return "containers share the host's network and sockets on Linux alone";
  try {
    const { image } = await getContainerRuntimeClient();
    const name = ImageName.fromString(KONG_IMAGE);
    if (!(await image.exists(name))) await image.pull(name);
    return null;
  } catch (error) {
    return `no container of ${KONG_IMAGE} can be run: ${(error as Error).message}`;
  }
}

/** Writes what an installation of Kong has into a folder, and answers the path of its `kong`. */
export async function installImage(folder: string): Promise<string> {
  const kong = join(folder, "bin/kong");
  await writeProgram(kong, "");
  await writeProgram(join(folder, "openresty/nginx/sbin/nginx"), "nginx");
  return kong;
}

async function writeProgram(path: string, first: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\nexec "${process.execPath}" "${PROGRAM}" ${first} "$@"\n`);
  await chmod(path, 0o755);
}
