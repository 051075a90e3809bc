import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readdirSync } from "node:fs";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { HOST, PortFinder } from "../../deploy/ports.ts";

const run = promisify(execFile);

/** A private PostgreSQL, gone without a trace after `stop`. */
export type Postgres = { url: string; stop: () => Promise<void> };

/**
 * Starts a PostgreSQL of this machine on a free port, with its data in a temporary folder; root installs one from the
 * distribution's packages when there is none. Rejects with the reason in words when none can be had.
 */
export async function startPostgres(log: (text: string) => void): Promise<Postgres> {
  let programs = findPrograms();
  if (programs === null && process.getuid?.() === 0) {
    await installPostgres(log);
    programs = findPrograms();
  }
  if (programs === null) throw new Error("no PostgreSQL is installed (Debian: apt-get install postgresql)");

  const owner = await unprivileged();
  const folder = await mkdtemp(join(tmpdir(), "oneapi-postgres-"));
  if (owner) await chown(folder, owner.uid, owner.gid);
  const data = join(folder, "data");
  const options = { ...owner, cwd: folder };
  const initialise = ["-D", data, "-U", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-sync"];
  await run(join(programs, "initdb"), initialise, options);

  const finder = new PortFinder();
  const port = await finder.find(0);
  await finder.release();
  const settings = ["fsync=off", "unix_socket_directories=", `listen_addresses=${HOST}`, "max_connections=200"];
  const args = ["-D", data, "-p", `${port}`, ...settings.flatMap((setting) => ["-c", setting])];
  const server = spawn(join(programs, "postgres"), args, { ...options, stdio: ["ignore", "ignore", "ignore"] });
  const stop = async () => {
    await end(server);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(server, join(programs, "pg_isready"), port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `postgres://postgres@${HOST}:${port}/postgres`, stop };
}

/** The folder of initdb and postgres: in PATH, or where Debian and Red Hat keep them; the newest one. */
function findPrograms(): string | null {
  const inPath = (process.env.PATH ?? "").split(delimiter);
  const versions = (folder: string) => {
    try {
      const names = readdirSync(folder).toSorted((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
      return names.map((name) => join(folder, name, "bin"));
    } catch {
      return [];
    }
  };
  const folders = [...versions("/usr/lib/postgresql"), "/usr/pgsql/bin", ...inPath];
  return (
    folders.find((folder) => ["initdb", "postgres", "pg_isready"].every((name) => isProgram(join(folder, name)))) ??
    null
  );
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function installPostgres(log: (text: string) => void): Promise<void> {
  log("installing PostgreSQL with apt-get");
  // At runlevel 1 Debian's packages start no server of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const options = { env, timeout: 300_000, maxBuffer: 2 ** 26 };
  try {
    await run("apt-get", ["update"], options);
    await run("apt-get", ["install", "--yes", "--no-install-recommends", "postgresql"], options);
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    log(`PostgreSQL could not be installed: ${(stderr || message).trim()}`);
  }
}

/** PostgreSQL refuses to run as root: then it runs as its own user, or as nobody. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const user of ["postgres", "nobody"]) {
    try {
      const ids = await Promise.all(["-u", "-g"].map((flag) => run("id", [flag, user])));
      const [uid, gid] = ids.map(({ stdout }) => Number(stdout));
      if (uid && gid) return { uid, gid };
    } catch {
      // No such user: the next one.
    }
  }
  throw new Error("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it as");
}

async function untilReady(server: ChildProcess, program: string, port: number): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (server.exitCode === null && performance.now() < deadline) {
    const ready = await run(program, ["-h", HOST, "-p", `${port}`]).then(
      () => true,
      () => false,
    );
    if (ready) return;
    await sleep(100);
  }
  throw new Error("the installed PostgreSQL did not start");
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, "exit");
  // "Fast shutdown": connections are cut, nothing is waited for.
  server.kill("SIGINT");
  await gone;
}
