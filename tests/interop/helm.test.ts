import { randomBytes } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject } from "vitest";
import { findPeer } from "../support/peers.ts";
import { cutBoth } from "./cut-both.ts";
import { testClient } from "./matrix.ts";
import { expectSameFile, readManifest } from "./wire.ts";
import { openWorkplace } from "./workplace.ts";

const place = await openWorkplace();
const program = findPeer("helm") ?? "helm";
const helm = (...args: string[]) => place.call(program, ...args);
const at = (...names: string[]) => join(place.folder, ...names);

/** A chart with `noise` bytes of a file that does not compress. */
async function packageChart(name: string, version: string, noise: number): Promise<string> {
  const folder = at("charts", name);
  await mkdir(join(folder, "templates"), { recursive: true });
  await writeFile(join(folder, "Chart.yaml"), `apiVersion: v2\nname: ${name}\nversion: ${version}\n`);
  await writeFile(join(folder, "values.yaml"), "greeting: hello\n");
  await writeFile(join(folder, "noise"), randomBytes(noise));
  await writeFile(
    join(folder, "templates", "map.yaml"),
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { greeting: "{{ .Values.greeting }}" }\n`,
  );
  await helm("package", folder, "--destination", place.folder);
  return at(`${name}-${version}.tgz`);
}

async function pull(chart: string, ...options: string[]): Promise<string> {
  await rm(at("pulled"), { recursive: true, force: true });
  await mkdir(at("pulled"));
  await helm("pull", chart, "--plain-http", "--destination", at("pulled"), ...options);
  return await place.call("ls", at("pulled"));
}

testClient(place, {
  name: "helm",
  peers: ["helm"],
  version: () => place.call("cat", `${program}.version`),
  cells: {
    push: {
      does: "`helm registry login`, `helm package` and `helm push` of three versions of a chart",
      async run(registry) {
        await helm("registry", "login", registry, "--plain-http", "--username=someone", "--password=anything");
        for (const version of ["0.1.0", "0.2.0", "1.0.0+build.7"]) {
          await helm("push", await packageChart("app", version, 10_000), `oci://${registry}/helm`, "--plain-http");
        }
        const { document } = await readManifest(registry, "helm/app", "0.1.0");
        expect(document.config?.mediaType).toBe("application/vnd.cncf.helm.config.v1+json");
        // A tag holds no plus sign: helm writes an underscore.
        await readManifest(registry, "helm/app", "1.0.0_build.7");
      },
    },
    pull: {
      does: "`helm pull` by version and by digest, the package compared; `helm show all` and `helm template` from the registry",
      async run(registry) {
        const chart = `oci://${registry}/helm/app`;
        expect(await pull(chart, "--version=0.1.0")).toBe("app-0.1.0.tgz");
        await expectSameFile(at("pulled", "app-0.1.0.tgz"), at("app-0.1.0.tgz"));
        const { digest } = await readManifest(registry, "helm/app", "0.2.0");
        await pull(`${chart}@${digest}`);
        expect(await helm("show", "all", chart, "--plain-http", "--version=1.0.0+build.7")).toContain(
          "greeting: hello",
        );
        expect(await helm("template", "x", chart, "--plain-http", "--version=0.2.0")).toContain('greeting: "hello"');
      },
    },
    list: {
      does: "`helm pull` and `helm show chart` of a range of versions, which helm resolves by the list of tags",
      async run(registry) {
        const chart = `oci://${registry}/helm/app`;
        expect(await pull(chart, "--version=^0")).toBe("app-0.2.0.tgz");
        expect(await helm("show", "chart", chart, "--plain-http")).toContain("version: 1.0.0+build.7");
      },
    },
    delete: { reason: "helm has no command that deletes from a registry" },
    "multi-arch copy": { reason: "a chart has no platform" },
    "artifact with referrers": {
      reason: "a chart is an artifact (see push), but helm attaches and reads no referrers",
    },
    resume: {
      does: "a connection is reset in the middle of a push, and of a pull: helm tries again, or is run again; the package compared",
      async run(registry) {
        const packed = await packageChart("large", "1.0.0", 4_000_000);
        const push = (address: string) =>
          place.insist(program, "push", packed, `oci://${address}/helm`, "--plain-http");
        await cutBoth(registry, 2_000_000, push, async (address) => {
          await rm(at("pulled"), { recursive: true, force: true });
          await mkdir(at("pulled"));
          const chart = [`oci://${address}/helm/large`, "--version=1.0.0", "--destination", at("pulled")];
          await place.insist(program, "pull", ...chart, "--plain-http");
          await expectSameFile(at("pulled", "large-1.0.0.tgz"), packed);
        });
      },
    },
    TLS: {
      does: "`helm push` and `helm pull` with the authority in `--ca-file`; without it, helm refuses",
      async run(registry) {
        const packed = await packageChart("secure", "1.0.0", 10_000);
        const trust = ["--ca-file", inject("secure")!.certificate];
        expect(await place.refuse(program, "push", packed, `oci://${registry}/helm`)).toContain("x509");
        await helm("push", packed, `oci://${registry}/helm`, ...trust);
        await rm(at("pulled"), { recursive: true, force: true });
        await mkdir(at("pulled"));
        await helm("pull", `oci://${registry}/helm/secure`, ...trust, "--destination", at("pulled"));
        await expectSameFile(at("pulled", "secure-1.0.0.tgz"), packed);
      },
    },
  },
});
