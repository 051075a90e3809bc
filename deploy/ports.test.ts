import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "vitest";
import { HOST, PortFinder } from "./ports.ts";

test("free ports differ, and can be listened on once released", async () => {
  const finder = new PortFinder();
  const ports = [await finder.find(0), await finder.find(0), await finder.find(0)];
  expect(new Set(ports).size).toBe(3);
  await finder.release();
  const server = createServer().listen(ports[0], HOST);
  await once(server, "listening");
  server.close();
});

test("a busy port is refused by a message that names the flag", async () => {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await expect(new PortFinder().find(port, "--port")).rejects.toThrow(
    `port ${port} is in use; choose another one with --port (0 picks a free one)`,
  );
  server.close();
});
