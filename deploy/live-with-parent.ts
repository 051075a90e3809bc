/**
 * Loaded with `--import` into the Node processes that `npm run up` starts: they end when their starter does, however it
 * ended, because the pipe on their stdin closes then. (Envoy asks the kernel for the same by itself.)
 */
const end = () => {
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.exit(1), 5_000).unref();
};

process.stdin.once("end", end).once("error", end).resume();
// Watching must not keep a process alive that has nothing else to do.
(process.stdin as unknown as { unref(): void }).unref();
