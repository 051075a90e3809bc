/** The manifests for Kubernetes: of the types of its API, and in agreement with the programs and with Kong's configuration. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Deployment } from "kubernetes-types/apps/v1.js";
import type { Container, PodSpec, Service, Volume, VolumeMount } from "kubernetes-types/core/v1.js";
import type { Ingress, NetworkPolicy } from "kubernetes-types/networking/v1.js";
import { describe, expect, it } from "vitest";
import { SETTLE_MS } from "../../kong-plugin/src/run.ts";
import { checkout } from "../checkout.ts";
import { expectFile, kongConf, kongService, optionsOf, readDocuments, readYaml, relayPort } from "./testing.ts";

interface HelmValues {
  env: Record<string, string>;
  deployment: { initContainers: Container[]; userDefinedVolumes: Volume[]; userDefinedVolumeMounts: VolumeMount[] };
  securityContext: NonNullable<PodSpec["securityContext"]>;
  lifecycle: NonNullable<Container["lifecycle"]>;
  terminationGracePeriodSeconds: number;
}

const gateway = readDocuments("deploy/kong/kubernetes/gateway.yaml");
const ingress = readDocuments("deploy/kong/kubernetes/ingress-controller.yaml");
const helm = readYaml<HelmValues>("deploy/kong/kubernetes/helm-values.yaml");
const only = <Value>(documents: { kind: string }[], kind: string): Value => {
  const found = documents.filter((document) => document.kind === kind);
  expect(found).toHaveLength(1);
  return found[0] as Value;
};
const deployment = only<Deployment>(gateway, "Deployment");
const pod = deployment.spec?.template.spec as PodSpec;
const byName = (containers: Container[] | undefined, name: string): Container => {
  const found = containers?.find((container) => container.name === name);
  if (found === undefined) throw new Error(`there is no container ${name}`);
  return found;
};

describe("the types of Kubernetes", () => {
  const documents: [name: string, type: string, group: string, value: unknown][] = [
    ["Deployment", "Deployment", "apps/v1", deployment],
    ["Service", "Service", "core/v1", only(gateway, "Service")],
    ["PodDisruptionBudget", "PodDisruptionBudget", "policy/v1", only(gateway, "PodDisruptionBudget")],
    ["NetworkPolicy", "NetworkPolicy", "networking/v1", only(gateway, "NetworkPolicy")],
    ["relay's Service", "Service", "core/v1", only(ingress, "Service")],
    ["Ingress", "Ingress", "networking/v1", only(ingress, "Ingress")],
    ["chart's containers", "Container[]", "core/v1", helm.deployment.initContainers],
    ["chart's volumes", "Volume[]", "core/v1", helm.deployment.userDefinedVolumes],
    ["chart's mounts", "VolumeMount[]", "core/v1", helm.deployment.userDefinedVolumeMounts],
    ["chart's pod", "PodSecurityContext", "core/v1", helm.securityContext],
    ["chart's hooks", "Lifecycle", "core/v1", helm.lifecycle],
  ];

  it("has every field that is used, as it is used", () => {
    const folder = mkdtempSync(join(tmpdir(), "oneapi-manifest-"));
    const lines = documents.map(([, type, group, value], at) => {
      const path = join(checkout, "node_modules/kubernetes-types", group);
      return `export const document${at}: import(${JSON.stringify(path)}).${type} = ${JSON.stringify(value)};\n`;
    });
    writeFileSync(join(folder, "manifests.ts"), lines.join(""));
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "--types", "", "--module", "preserve", "manifests.ts"];
    try {
      execFileSync(join(checkout, "node_modules/.bin/tsc"), flags, { cwd: folder, encoding: "utf8" });
    } catch (error) {
      throw new Error((error as { stdout: string }).stdout);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const settings = (container: Container): Record<string, string> =>
  Object.fromEntries((container.env ?? []).map(({ name, value = "" }) => [name, value]));

const ways: [
  string,
  { init: Container[] | undefined; volumes: Volume[] | undefined; kong: VolumeMount[]; query: string },
][] = [
  [
    "the Deployment",
    {
      init: pod.initContainers,
      volumes: pod.volumes,
      kong: byName(pod.containers, "kong").volumeMounts ?? [],
      query: settings(byName(pod.containers, "kong")).KONG_PLUGINSERVER_ONEAPI_QUERY_CMD ?? "",
    },
  ],
  [
    "the chart",
    {
      init: helm.deployment.initContainers,
      volumes: helm.deployment.userDefinedVolumes,
      kong: helm.deployment.userDefinedVolumeMounts,
      query: helm.env.pluginserver_oneapi_query_cmd ?? "",
    },
  ],
];

describe.each(ways)("%s", (_, { init, volumes = [], kong, query }) => {
  const sidecar = byName(init, "oneapi-kong");
  const description = byName(init, "description");
  const options = optionsOf(sidecar.args ?? []);
  const mountAt = (mounts: VolumeMount[] | undefined, path: string) => {
    const found = mounts?.find(({ mountPath }) => mountPath === path);
    if (found === undefined) throw new Error(`nothing is mounted at ${path}`);
    return found;
  };

  it("starts oneapi-kong before Kong and ends it after", () => {
    expect(sidecar.restartPolicy).toBe("Always");
    expect(sidecar.startupProbe).toBeDefined();
    expect(init?.map(({ name }) => name)).toEqual(["description", "oneapi-kong"]);
  });

  it("opens what Kong is told of, in a folder that both have", () => {
    expect(options.relayPort).toBe(relayPort());
    expect(options.socket).toBe(kongConf().pluginserver_oneapi_socket);
    const folder = dirname(options.socket);
    const shared = mountAt(sidecar.volumeMounts, folder).name;
    expect(mountAt(kong, folder)).toEqual({ name: shared, mountPath: folder, readOnly: true });
    expect(mountAt(description.volumeMounts, folder).name).toBe(shared);
    const [, file = ""] = query.split(" ");
    expect(query).toBe(`/bin/cat ${file}`);
    expect(dirname(file)).toBe(folder);
    expect(description.command?.at(-1)).toBe(`oneapi-kong --dump > ${file}`);
  });

  it("has volumes for all mounts, the spool, and the token from a Secret", () => {
    const names = volumes.map(({ name }) => name);
    for (const { name } of [...(sidecar.volumeMounts ?? []), ...kong]) expect(names).toContain(name);
    mountAt(sidecar.volumeMounts, options.spoolDir);
    const token = mountAt(sidecar.volumeMounts, dirname(options.tokenFile));
    expect(volumes.find(({ name }) => name === token.name)?.secret?.secretName).toBe("oneapi-gateway");
  });

  it("is asked for its health where it tells it", () => {
    expect(options.statusHost).toBe("0.0.0.0");
    const [port] = sidecar.ports ?? [];
    expect(port?.containerPort).toBe(options.statusPort);
    const probes = [sidecar.startupProbe, sidecar.livenessProbe, sidecar.readinessProbe].map((probe) => probe?.httpGet);
    expect(probes.map((probe) => probe?.port)).toEqual(Array(3).fill(port?.name));
    // Not ready without its configuration, but well: started again it would not have it either.
    expect(probes.map((probe) => probe?.path)).toEqual(["/healthz", "/healthz", "/readyz"]);
  });

  it("cannot be more than it needs to be", () => {
    const confined = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } };
    for (const container of [sidecar, description]) expect(container.securityContext).toMatchObject(confined);
    expect(sidecar.resources?.limits).toBeDefined();
  });
});

it.each([
  ["the Deployment", byName(pod.containers, "kong").lifecycle, pod],
  ["the chart", helm.lifecycle, { ...helm, ...helm.deployment }],
])("%s gives Kong's streams and then oneapi-kong the time to end", (_, lifecycle, ending) => {
  const { initContainers, terminationGracePeriodSeconds: grace = 0 } = ending;
  const { drainMs } = optionsOf(byName(initContainers, "oneapi-kong").args ?? []);
  const command = lifecycle?.preStop?.exec?.command ?? [];
  expect(command.slice(0, 2)).toEqual(["kong", "quit"]);
  const [wait = 0, timeout = 0] = ["--wait=", "--timeout="].map((name) =>
    Number(command.find((word) => word.startsWith(name))?.slice(name.length)),
  );
  expect(wait).toBeGreaterThan(0);
  expect(grace * 1000).toBeGreaterThan((wait + timeout) * 1000 + drainMs + SETTLE_MS);
});

describe("the Deployment", () => {
  const kong = byName(pod.containers, "kong");

  it("runs as the user of the images", () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 });
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(kong.securityContext?.readOnlyRootFilesystem).toBe(true);
  });

  it("is selected by its labels, and reached at ports that it has", () => {
    const labels = deployment.spec?.template.metadata?.labels;
    const service = only<Service>(gateway, "Service");
    const policy = only<NetworkPolicy>(gateway, "NetworkPolicy");
    expect(deployment.spec?.selector.matchLabels).toEqual(labels);
    expect(service.spec?.selector).toEqual(labels);
    expect(policy.spec?.podSelector?.matchLabels).toEqual(labels);
    const ports = [kong, byName(pod.initContainers, "oneapi-kong")].flatMap((container) => container.ports ?? []);
    const names = ports.map(({ name }) => name);
    for (const { targetPort } of service.spec?.ports ?? []) expect(names).toContain(targetPort);
    for (const { ports = [] } of policy.spec?.ingress ?? [])
      for (const { port } of ports) expect(names).toContain(port);
    expect(ports.find(({ name }) => name === "proxy")?.containerPort).toBe(
      Number(kongConf().proxy_listen?.split(":")[1]),
    );
    for (const probe of [kong.livenessProbe, kong.readinessProbe]) expect(names).toContain(probe?.httpGet?.port);
  });

  it("has Kong's files from this folder, where Kong looks for them", () => {
    type Kustomization = { resources: string[]; configMapGenerator: { name: string; files: string[] }[] };
    const { resources, configMapGenerator } = readYaml<Kustomization>("deploy/kong/kustomization.yaml");
    expect(resources).toEqual(["kubernetes/gateway.yaml"]);
    const [generated] = configMapGenerator;
    for (const file of generated?.files ?? []) expectFile(`deploy/kong/${file}`);
    const volume = pod.volumes?.find(({ configMap }) => configMap?.name === generated?.name);
    const mount = kong.volumeMounts?.find(({ name }) => name === volume?.name);
    const places = generated?.files.map((file) => `${mount?.mountPath}/${file}`);
    expect(places).toEqual(["/etc/kong/kong.conf", kongConf().declarative_config]);
  });
});

it("the chart sets what kong.conf sets", () => {
  const { declarative_config: _, proxy_listen: __, pluginserver_oneapi_query_cmd: ___, ...lines } = kongConf();
  expect(helm.env).toMatchObject(lines);
});

it("the ingress controller is told what kong.yml says", () => {
  const { retries, connect_timeout, read_timeout, write_timeout } = kongService();
  const relay = only<Service>(ingress, "Service");
  expect(relay.metadata?.annotations).toEqual({
    "konghq.com/plugins": only<{ metadata: { name: string } }>(ingress, "KongPlugin").metadata.name,
    "konghq.com/protocol": "http",
    "konghq.com/retries": `${retries}`,
    "konghq.com/connect-timeout": `${connect_timeout}`,
    "konghq.com/read-timeout": `${read_timeout}`,
    "konghq.com/write-timeout": `${write_timeout}`,
  });
  expect(relay.spec).toMatchObject({ type: "ExternalName", externalName: "localhost", ports: [{ port: relayPort() }] });
  const [rule] = only<Ingress>(ingress, "Ingress").spec?.rules ?? [];
  const [path] = rule?.http?.paths ?? [];
  expect(path).toMatchObject({ path: "/v1", backend: { service: { name: relay.metadata?.name } } });
  expect(path?.backend.service?.port?.number).toBe(relayPort());
});
