import { setTimeout as sleep } from "node:timers/promises";
import { type Options, readOptions, USAGE, UsageError } from "./options.ts";
import { Host } from "./relay/host.ts";
import { Relay } from "./relay/relay.ts";
import { Listener } from "./server/listener.ts";
import { PluginServer } from "./server/plugin-server.ts";
import { SpoolFolder } from "./spool/folder.ts";
import { Replay } from "./spool/replay.ts";
import { Spool } from "./spool/spool.ts";
import { Status } from "./status.ts";

/** Nobody but the Kong beside this process is to reach it. */
const LOOPBACK = "127.0.0.1";
/** How long the records of all calls may take at the end, after those had their time. */
export const SETTLE_MS = 2_000;
const LOOK_MS = 25;

const log = (text: string) => process.stderr.write(`oneapi-kong: ${text}\n`);

/** Runs until a signal ends it, and answers the exit code. */
export async function run(args: string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  let options: Options;
  try {
    options = readOptions(args, process.env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`oneapi-kong: ${error.message}\n\n${USAGE}`);
    return 2;
  }
  const signalled = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
  });
  try {
    await serve(options, signalled);
    return 0;
  } catch (error) {
    log((error as Error).message);
    return 1;
  }
}

async function serve(options: Options, signalled: Promise<void>): Promise<void> {
  const { controlUrl, token, node, authorities, drainMs } = options;
  const folder = await SpoolFolder.open(options.spoolDir);
  const host = new Host({ controlUrl, token, node, log, ...(authorities !== null && { authorities }) });
  const spool = new Spool({
    ...{ folder, node, epoch: host.epoch, policy: options.spoolSync, mostBytes: options.spoolMaxBytes, log },
    changed: () => host.journalChanged(),
  });
  host.keepRecordsIn(spool);
  const damaged = (count: number) => {
    spool.damaged += count;
  };
  const replay = new Replay({ folder, controlUrl, token, node, log, damaged });
  const replayed = replay.run();
  const plugins = new PluginServer(host);
  const listener = new Listener(plugins, log);
  const relay = new Relay(host);
  const status = new Status(host);
  try {
    await relay.listen(LOOPBACK, options.relayPort);
    await status.listen(options.statusHost, options.statusPort);
    await listener.listen(options.socket);
    log(`serves Kong on ${options.socket}, and calls on http://${LOOPBACK}:${options.relayPort}`);
    await signalled;
    listener.close();
    await within(drainMs, () => host.calls.size === 0 && plugins.busy === 0);
    for (const call of [...host.calls]) call.breakOff();
    await within(SETTLE_MS, () => host.settled);
  } finally {
    plugins.stop();
    relay.close();
    relay.cut();
    listener.close();
    listener.cut();
    status.close();
    replay.stop();
    await replayed;
    await host.stop();
    await spool.close();
    folder.close();
  }
}

/** Waits until it is so, or until the time is over. */
async function within(milliseconds: number, isSo: () => boolean): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!isSo() && performance.now() < end) await sleep(LOOK_MS);
}
