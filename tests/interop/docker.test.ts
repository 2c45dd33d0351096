import { join } from "node:path";
import { expect, inject } from "vitest";
import { cutBoth } from "./cut-both.ts";
import { testClient } from "./matrix.ts";
import { expectSameFile, readManifest } from "./wire.ts";
import { cutAt, noiseFile } from "./images.ts";
import { dockerClient, startDocker } from "./start-docker.ts";
import { openWorkplace } from "./workplace.ts";

const place = await openWorkplace();
const images = inject("images")!;
const at = (...names: string[]) => join(place.folder, ...names);
const docker = (...args: string[]) => place.call(dockerClient, ...args);
const build = (tag: string, context: string, ...options: string[]) =>
  docker("build", "--quiet", "--file", join(context, "Containerfile"), "--tag", tag, ...options, context);

/** Forgets an image and all it was made of, so that the next pull has to fetch it. */
async function forget(...references: string[]): Promise<void> {
  await docker("image", "rm", "--force", ...references);
  await docker("image", "prune", "--all", "--force");
}

async function expectNoise(image: string, context: string): Promise<void> {
  const container = await docker("create", image);
  await docker("cp", `${container}:/${noiseFile}`, at("pulled"));
  await docker("rm", container);
  await expectSameFile(at("pulled"), join(context, noiseFile));
}

testClient(place, {
  name: "docker",
  peers: ["docker", "buildah", "busybox"],
  version: () => docker("version", "--format", "{{.Server.Version}}"),
  start: () => startDocker(place),
  cells: {
    push: {
      does: "`docker login`, `docker build` of the image, `docker push`; the digest it prints is the registry's",
      async run(registry) {
        await docker("login", "--username", "someone", "--password", "anything", registry);
        const image = `${registry}/docker/app:1`;
        await build(image, images.big.context);
        const printed = await docker("push", image);
        const { digest } = await readManifest(registry, "docker/app", "1");
        expect(printed).toContain(`1: digest: ${digest}`);
      },
    },
    pull: {
      does: "`docker pull` by digest and by tag, after everything local was removed; a file compared; `docker run`",
      async run(registry) {
        const { digest } = await readManifest(registry, "docker/app", "1");
        const [tagged, exact] = [`${registry}/docker/app:1`, `${registry}/docker/app@${digest}`];
        await forget(tagged);
        expect(await docker("pull", exact)).toContain("Pull complete");
        await expectNoise(exact, images.big.context);
        expect(await docker("pull", tagged)).toContain(`Digest: ${digest}`);
        expect(await docker("run", "--rm", "--network=none", tagged)).toBe("it runs");
        await forget(tagged, exact);
      },
    },
    list: { reason: "docker lists only what is on its own machine" },
    delete: { reason: "docker removes only what is on its own machine" },
    "multi-arch copy": {
      does: "`docker manifest create` and `docker manifest push` of two platforms; `docker pull --platform` of each",
      async run(registry) {
        const image = `${registry}/docker/multi`;
        const architectures = ["amd64", "arm64"];
        for (const architecture of architectures) {
          place.env["DOCKER_BUILDKIT"] = "1";
          await build(`${image}:${architecture}`, images.multi.context, "--platform", `linux/${architecture}`);
          delete place.env["DOCKER_BUILDKIT"];
          await docker("push", `${image}:${architecture}`);
        }
        const parts = architectures.map((architecture) => `${image}:${architecture}`);
        await docker("manifest", "create", "--insecure", `${image}:1`, ...parts);
        const digest = await docker("manifest", "push", "--insecure", "--purge", `${image}:1`);
        expect(digest).toBe((await readManifest(registry, "docker/multi", "1")).digest);
        for (const architecture of architectures) {
          await forget(...parts);
          await docker("pull", "--platform", `linux/${architecture}`, `${image}:1`);
          expect(await docker("image", "inspect", "--format", "{{.Architecture}}", `${image}:1`)).toBe(architecture);
        }
      },
    },
    "artifact with referrers": { reason: "docker pushes images only, and reads no referrers" },
    resume: {
      does: "a connection is reset in the middle of a push, and of a pull: docker tries again by itself, and the pull goes on where it ended (206); a file compared",
      async run(registry) {
        const image = (address: string) => `${address}/docker/resumed:1`;
        const push = async (address: string) => {
          await build(image(address), images.medium.context);
          await docker("push", image(address));
        };
        const parts = await cutBoth(registry, cutAt, push, async (address) => {
          await forget(image(address));
          await docker("pull", image(address));
          await expectNoise(image(address), images.medium.context);
        });
        expect(parts).toBe(1);
      },
    },
    TLS: {
      does: "`docker push` and `docker pull` over HTTPS; docker verifies no certificate of a registry on its own machine",
      async run(registry) {
        const image = `${registry}/docker/secure:1`;
        await build(image, images.medium.context);
        await docker("push", image);
        await forget(image);
        await docker("pull", image);
        await expectNoise(image, images.medium.context);
        await forget(image);
      },
    },
  },
});
