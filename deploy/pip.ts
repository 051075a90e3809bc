import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Unpacks wheels of a requirements file into the folder `target`, which nothing else uses. Rejects with what pip said, or when
 * there is no Python with pip.
 */
export async function pipInstall(
  requirements: string,
  target: string,
  options: string[] = [],
  signal?: AbortSignal,
): Promise<void> {
  const quiet = "--only-binary :all: --no-compile --no-cache-dir --no-input --quiet".split(" ");
  const args = ["-m", "pip", "install", ...quiet, ...options, "--target", target, "-r", requirements];
  const env = {
    ...process.env,
    // Settings of the user's that --target would refuse, and advice that does not apply to a private folder.
    PIP_USER: "0",
    PIP_REQUIRE_VIRTUALENV: "0",
    PIP_ROOT_USER_ACTION: "ignore",
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
  };
  try {
    await run("python3", args, { env, timeout: 600_000, ...(signal && { signal }) });
  } catch (error) {
    if (signal?.aborted) throw error;
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error((stderr || message).trim());
  }
}
