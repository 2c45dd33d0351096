import { dirname, join } from "node:path";
import { expect, inject } from "vitest";
import { cutAt, noiseFile } from "./images.ts";
import { cutBoth } from "./cut-both.ts";
import { testClient } from "./matrix.ts";
import { expectSameFile, readManifest } from "./wire.ts";
import { openWorkplace } from "./workplace.ts";

const place = await openWorkplace();
const images = inject("images")!;
const stores = ["--root", join(place.folder, "root"), "--runroot", join(place.folder, "run")];
const buildah = (...args: string[]) => place.call("buildah", ...stores, ...args);
const build = (...args: string[]) => buildah("bud", "--quiet", "--isolation=chroot", ...args);
const plain = "--tls-verify=false";

async function expectNoise(image: string, context: string): Promise<void> {
  const container = await buildah("from", "--pull-never", image);
  const mounted = await buildah("mount", container);
  await expectSameFile(join(mounted, noiseFile), join(context, noiseFile));
  await buildah("rm", container);
}

testClient(place, {
  name: "buildah",
  peers: ["buildah", "busybox"],
  version: () => buildah("--version"),
  cells: {
    push: {
      does: "`buildah login`, `buildah bud` of the image, `buildah push`; the digest it writes is the registry's",
      async run(registry) {
        await buildah("login", plain, "--username=someone", "--password=anything", registry);
        await build("--tag", "app", images.big.context);
        const digestFile = join(place.folder, "digest");
        await buildah("push", plain, "--digestfile", digestFile, "app", `docker://${registry}/buildah/app:1`);
        expect(await place.call("cat", "digest")).toBe((await readManifest(registry, "buildah/app", "1")).digest);
      },
    },
    pull: {
      does: "`buildah pull` by digest and `buildah from` by tag, after everything local was removed; a file compared",
      async run(registry) {
        const { digest, document } = await readManifest(registry, "buildah/app", "1");
        const exact = `${registry}/buildah/app@${digest}`;
        await buildah("rmi", "--all", "--force");
        const id = await buildah("pull", "--quiet", plain, exact);
        expect(`sha256:${id}`).toBe(document.config?.digest);
        await expectNoise(exact, images.big.context);
        await buildah("rmi", "--all", "--force");
        await buildah("rm", await buildah("from", "--quiet", plain, `${registry}/buildah/app:1`));
        await buildah("rmi", "--all", "--force");
      },
    },
    list: { reason: "buildah lists only what is on its own machine" },
    delete: { reason: "buildah removes only what is on its own machine" },
    "multi-arch copy": {
      does: "`buildah bud` for two platforms, `buildah manifest push --all`; `buildah pull --arch` of each",
      async run(registry) {
        const image = `${registry}/buildah/multi:1`;
        await build("--platform=linux/amd64,linux/arm64", "--manifest", "multi", images.multi.context);
        await buildah("manifest", "push", plain, "--all", "multi", `docker://${image}`);
        await buildah("manifest", "rm", "multi");
        const { document } = await readManifest(registry, "buildah/multi", "1");
        expect(document.manifests?.map(({ platform }) => platform?.architecture).sort()).toEqual(["amd64", "arm64"]);
        for (const architecture of ["amd64", "arm64"]) {
          await buildah("rmi", "--all", "--force");
          await buildah("pull", "--quiet", plain, "--arch", architecture, image);
          expect(await buildah("inspect", "--type=image", "--format={{.OCIv1.Architecture}}", image)).toBe(
            architecture,
          );
        }
        await buildah("rmi", "--all", "--force");
      },
    },
    "artifact with referrers": { reason: "buildah 1.28 pushes images only, and reads no referrers" },
    resume: {
      does: "a connection is reset in the middle of a push, and of a pull: buildah tries again, or is run again; a file compared",
      async run(registry) {
        const image = (address: string) => `${address}/buildah/resumed:1`;
        const push = async (address: string) => {
          await build("--tag", image(address), images.medium.context);
          await place.insist("buildah", ...stores, "push", "--quiet", plain, image(address));
        };
        await cutBoth(registry, cutAt, push, async (address) => {
          await buildah("rmi", "--all", "--force");
          await place.insist("buildah", ...stores, "pull", "--quiet", plain, image(address));
          await expectNoise(image(address), images.medium.context);
          await buildah("rmi", "--all", "--force");
        });
      },
    },
    TLS: {
      does: "`buildah push` and `buildah pull` with the authority in `--cert-dir`; without it, buildah refuses",
      async run(registry) {
        const image = `${registry}/buildah/secure:1`;
        const trust = ["--cert-dir", dirname(inject("secure")!.certificate)];
        await build("--tag", image, images.medium.context);
        expect(await place.refuse("buildah", ...stores, "push", image)).toContain("x509");
        await buildah("push", ...trust, image);
        await buildah("rmi", "--all", "--force");
        await buildah("pull", "--quiet", ...trust, image);
        await expectNoise(image, images.medium.context);
        await buildah("rmi", "--all", "--force");
      },
    },
  },
});
