import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { testServices } from "../testing.ts";
import { sameSecret } from "./bearer.ts";
import { checkMasterKey } from "./master-key-check.ts";
import { referenceReader } from "./references.ts";
import { loadServiceSecrets, parseMasterKeys } from "./service-secrets.ts";
import { Vault, VaultError } from "./vault.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "oneapi-secrets-"));
  return () => rmSync(folder, { recursive: true });
});

describe("Vault", () => {
  const key = randomBytes(32);
  const vault = new Vault([key]);

  it("opens what it sealed, and seals the same secret differently each time", () => {
    const sealed = vault.seal("sk-秘密", "provider:claude");
    expect(vault.open(sealed, "provider:claude")).toBe("sk-秘密");
    expect(vault.seal("sk-秘密", "provider:claude")).not.toBe(sealed);
    expect(sealed).toMatch(/^v1\.[0-9a-f]{8}\.[A-Za-z0-9_-]+$/);
  });

  it("does not open in another place, changed, cut short, or with another key", () => {
    const sealed = vault.seal("secret", "provider:a");
    expect(() => vault.open(sealed, "provider:b")).toThrow(VaultError);
    const last = sealed.at(-1) === "A" ? "B" : "A";
    expect(() => vault.open(sealed.slice(0, -2) + last + sealed.at(-1), "provider:a")).toThrow(VaultError);
    expect(() => vault.open(sealed.slice(0, 20), "provider:a")).toThrow(VaultError);
    expect(() => vault.open("secret", "provider:a")).toThrow(VaultError);
    expect(() => new Vault([randomBytes(32)]).open(sealed, "provider:a")).toThrow(/another master key/);
  });

  it("opens what an older key sealed once a new key is in front", () => {
    const sealed = vault.seal("secret", "p");
    const rotated = new Vault([randomBytes(32), key]);
    expect(rotated.open(sealed, "p")).toBe("secret");
    expect(() => vault.open(rotated.seal("secret", "p"), "p")).toThrow(VaultError);
  });
});

describe("the secrets of the service", () => {
  it("are made once, for their owner alone", () => {
    const first = loadServiceSecrets(folder, {});
    for (const file of ["master.key", "admin.token", "gateway.token"]) {
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
    expect(first.adminToken).not.toBe(first.gatewayToken);
    expect(loadServiceSecrets(folder, {})).toEqual(first);
    expect(readFileSync(join(folder, "admin.token"), "utf8").trim()).toBe(first.adminToken);
  });

  it("come from the environment before the folder, which then stays empty", () => {
    const environment = {
      ONEAPI_MASTER_KEY: "ab".repeat(32),
      ONEAPI_ADMIN_TOKEN: "an-admin-token-0001",
      ONEAPI_GATEWAY_TOKEN: "a-gateway-token-0001",
    };
    const secrets = loadServiceSecrets(folder, environment);
    expect(secrets.masterKeys[0].toString("hex")).toBe("ab".repeat(32));
    expect(secrets).toMatchObject({ adminToken: "an-admin-token-0001", gatewayToken: "a-gateway-token-0001" });
    expect(() => statSync(join(folder, "master.key"))).toThrow(/ENOENT/);
  });

  it("may be several master keys, in hex or base64", () => {
    const [first, second] = [randomBytes(32), randomBytes(32)];
    expect(parseMasterKeys(`${first.toString("base64")}, ${second.toString("hex")}`)).toEqual([first, second]);
  });

  it.each(["short", "ab".repeat(31), randomBytes(33).toString("base64"), "zz".repeat(32)])(
    "cannot be the master key %s",
    (text) => {
      expect(() => parseMasterKeys(text)).toThrow(/64 hex digits/);
    },
  );

  it("refuses a token that could be guessed, without showing it", () => {
    expect(() => loadServiceSecrets(folder, { ONEAPI_ADMIN_TOKEN: "hunter2" })).toThrow(
      /^ONEAPI_ADMIN_TOKEN must have/,
    );
  });
});

describe("checkMasterKey", () => {
  it("lets the key of the first start in, and no other", async () => {
    const services = await testServices();
    const { query } = services.database;
    await checkMasterKey(query, services.vault);
    await checkMasterKey(query, services.vault);
    await expect(checkMasterKey(query, new Vault([randomBytes(32)]))).rejects.toThrow(/master key is not the one/);
    await services.database.close();
  });
});

describe("references", () => {
  const read = (source: "env" | "file" | "stored", value: string, environment = {}) =>
    referenceReader(environment, folder).read({ source, value });

  it("finds variables and files, without the line break at the end", async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), "oneapi-reference-"));
    writeFileSync(join(elsewhere, "key"), "from-a-file\n");
    expect(await read("env", "KEY", { KEY: "from-a-variable" })).toBe("from-a-variable");
    expect(await read("file", join(elsewhere, "key"))).toBe("from-a-file");
    writeFileSync(join(elsewhere, "empty"), "\n");
    await expect(read("file", join(elsewhere, "empty"))).rejects.toThrow(/is empty/);
    writeFileSync(join(elsewhere, "large"), "x".repeat(70_000));
    await expect(read("file", join(elsewhere, "large"))).rejects.toThrow(/is larger than/);
    await expect(read("file", elsewhere)).rejects.toThrow(/cannot be read .*EISDIR/);
    rmSync(elsewhere, { recursive: true });
  });

  it("says what it does not find", async () => {
    await expect(read("env", "KEY")).rejects.toThrow(/variable KEY of the control service is not set/);
    await expect(read("env", "KEY", { KEY: "" })).rejects.toThrow(/is not set/);
    await expect(read("file", "/nowhere/key")).rejects.toThrow(/ENOENT/);
    await expect(read("stored", "1")).rejects.toThrow(/is not a place/);
  });

  it("gives out nothing that the service itself runs on", async () => {
    writeFileSync(join(folder, "master.key"), "secret");
    await expect(read("file", join(folder, "x/../master.key"))).rejects.toThrow(/own data folder/);
    await expect(read("env", "ONEAPI_MASTER_KEY", { ONEAPI_MASTER_KEY: "secret" })).rejects.toThrow(
      /secret of the service itself/,
    );
  });
});

it("sameSecret compares whole texts of any length", () => {
  expect(sameSecret("abc", "abc")).toBe(true);
  expect(sameSecret("abc", "abd")).toBe(false);
  expect(sameSecret("", "abc")).toBe(false);
  expect(sameSecret("abcd", "abc")).toBe(false);
});
