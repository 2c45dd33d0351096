import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject } from "vitest";
import { findPeer } from "../support/peers.ts";
import { cutAt, noiseFile } from "./images.ts";
import { cutBoth } from "./cut-both.ts";
import { testClient } from "./matrix.ts";
import { expectSameFile, readManifest } from "./wire.ts";
import { openWorkplace } from "./workplace.ts";

const place = await openWorkplace();
const images = inject("images")!;
const at = (...names: string[]) => join(place.folder, ...names);
const address = `unix://${at("socket")}`;
const control = findPeer("buildctl") ?? "buildctl";
const buildctl = (...args: string[]) => place.call(control, "--addr", address, ...args);

/** A step whose result is another each time it runs: only a cache can bring it back. */
const steps = `FROM scratch AS maker
COPY bin /bin
RUN /bin/busybox head -c 32 /dev/urandom > /once
FROM scratch
COPY ${noiseFile} /${noiseFile}
COPY --from=maker /once /once
`;

/** Builds a context by the `Containerfile` in a folder; resolves to what BuildKit tells of its steps. */
async function build(context: string, folder: string, ...options: string[]): Promise<string> {
  const file = ["--local", `context=${context}`, "--local", `dockerfile=${folder}`, "--opt", "filename=Containerfile"];
  const told = [control, "--addr", address, "build", "--frontend=dockerfile.v0", "--progress=plain", ...file];
  // It tells them on standard error.
  return place.call("sh", "-c", '"$@" 2>&1', "sh", ...told, ...options);
}

/** Forgets all layers and steps. */
const forget = () => buildctl("prune", "--all");

const local = (name: string) => ["--output", `type=local,dest=${at(name)}`];
const cache = (registry: string, name: string) => `type=registry,registry.insecure=true,ref=${registry}/${name}`;

/** Builds from the cache in the registry alone, and compares what comes out with what `first` was. */
async function expectCached(context: string, ref: string, first: string): Promise<void> {
  await forget();
  await rm(at("out"), { recursive: true, force: true });
  const printed = await build(context, at("steps"), "--import-cache", ref, ...local("out"));
  expect(printed).toMatch(/^#\d+ CACHED$/m);
  await expectSameFile(at("out", "once"), at(first, "once"));
  await expectSameFile(at("out", noiseFile), join(context, noiseFile));
}

testClient(place, {
  name: "BuildKit",
  peers: ["buildkitd", "buildctl", "buildah", "busybox"],
  version: () => place.call("cat", `${control}.version`),
  async start() {
    await mkdir(at("steps"));
    await writeFile(at("steps", "Containerfile"), steps);
    // A registry on loopback is taken for plain HTTP unless its entry says otherwise.
    const { backEnds = [], certificate } = inject("secure") ?? {};
    const entry = [`http = false`, `ca = ["${certificate}"]`];
    const secure = backEnds.flatMap(({ registry }) => [`[registry."${registry}"]`, ...entry]);
    const lines = ["[worker.oci]", 'snapshotter = "native"', "gc = false", ...secure];
    await writeFile(at("buildkitd.toml"), lines.join("\n"));
    const where = ["--root", at("root"), "--addr", address, "--config", at("buildkitd.toml")];
    const workers = ["--containerd-worker=false", "--oci-worker-net=host"];
    await place.startDaemon(findPeer("buildkitd")!, [...where, ...workers], () => buildctl("debug", "workers"));
  },
  cells: {
    push: {
      does: "`buildctl build` with a RUN step, pushed as an image; `--export-cache type=registry,mode=max`, as an image manifest and as an index of layers",
      async run(registry) {
        const image = `type=image,name=${registry}/buildkit/app:1,push=true`;
        const as = { manifest: "image-manifest=true", index: "image-manifest=false" };
        for (const [name, form] of Object.entries(as)) {
          const to = `${cache(registry, `buildkit/cache:${name}`)},mode=max,oci-mediatypes=true,${form}`;
          await build(images.big.context, at("steps"), "--output", image, "--export-cache", to);
        }
        await rm(at("first"), { recursive: true, force: true });
        await build(images.big.context, at("steps"), ...local("first"));
        const { document } = await readManifest(registry, "buildkit/cache", "index");
        const types = document.manifests!.map(({ mediaType }) => mediaType);
        expect(types).toContain("application/vnd.buildkit.cacheconfig.v0");
        expect(types).toContain("application/vnd.oci.image.layer.v1.tar+gzip");
      },
    },
    pull: {
      does: "a build from the cache alone, after everything local was removed, says CACHED, for both forms of the cache; a step whose result is random comes back as it was, and a file; a build `FROM` the image",
      async run(registry) {
        for (const name of ["manifest", "index"]) {
          await expectCached(images.big.context, cache(registry, `buildkit/cache:${name}`), "first");
        }
        await mkdir(at("from"), { recursive: true });
        await writeFile(at("from", "Containerfile"), `FROM ${registry}/buildkit/app:1\nCOPY Containerfile /\n`);
        await forget();
        await build(at("from"), at("from"), ...local("more"));
        await expectSameFile(at("more", "once"), at("first", "once"));
      },
    },
    list: { reason: "BuildKit lists only what is on its own machine" },
    delete: { reason: "BuildKit removes only what is on its own machine" },
    "multi-arch copy": {
      does: "a build for two platforms, pushed as one index with provenance attestations; each platform's cache is used by the next build",
      async run(registry) {
        const platforms = ["--opt", "platform=linux/amd64,linux/arm64"];
        const ref = cache(registry, "buildkit/cache:multi");
        const { context } = images.multi;
        const attested = ["--opt", "attest:provenance=mode=max"];
        const image = `type=image,name=${registry}/buildkit/multi:1,push=true`;
        const to = ["--export-cache", `${ref},mode=max`];
        await build(context, context, ...platforms, ...attested, "--output", image, ...to);
        const { document } = await readManifest(registry, "buildkit/multi", "1");
        const architectures = document.manifests!.map(({ platform }) => String(platform?.architecture));
        expect(architectures.toSorted()).toEqual(["amd64", "arm64", "unknown", "unknown"]);
        await forget();
        const printed = await build(context, context, ...platforms, "--import-cache", ref, "--output", image);
        expect(printed).toContain("CACHED");
      },
    },
    "artifact with referrers": {
      reason: "BuildKit keeps attestations inside the index (see multi-arch copy), and not as referrers",
    },
    resume: {
      does: "a connection is reset in the middle of a cache export, and of its import: BuildKit tries again, or is run again; a file compared",
      async run(registry) {
        const ref = (address: string) => cache(address, "buildkit/resumed:1");
        const { context } = images.medium;
        const push = (address: string) => build(context, at("steps"), "--export-cache", `${ref(address)},mode=max`);
        await cutBoth(registry, cutAt, push, async (address) => {
          await rm(at("second"), { recursive: true, force: true });
          await build(context, at("steps"), ...local("second"));
          await expectCached(context, ref(address), "second");
        });
      },
    },
    TLS: {
      does: "a cache exported and imported with the authority in `buildkitd.toml`; a file compared",
      async run(registry) {
        const ref = `type=registry,ref=${registry}/buildkit/secure:1`;
        await build(images.medium.context, at("steps"), "--export-cache", `${ref},mode=max`);
        await rm(at("third"), { recursive: true, force: true });
        await build(images.medium.context, at("steps"), ...local("third"));
        await expectCached(images.medium.context, ref, "third");
      },
    },
  },
});
