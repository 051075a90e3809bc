import { description } from "./plugin/description.ts";

const args = process.argv.slice(2);
// Kong waits for this to end, and reads all that it prints: nothing else of the program is loaded.
if (args.includes("--dump")) {
  process.stdout.on("error", () => {
    // Nobody reads it any longer.
    process.exitCode = 1;
  });
  process.stdout.write(`${JSON.stringify(description())}\n`);
} else {
  const { run } = await import("./run.ts");
  process.exitCode = await run(args);
}
