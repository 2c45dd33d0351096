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
const options = [...stores, "--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime=runc"];
const podman = (...args: string[]) => place.call("podman", ...options, ...args);
const plain = "--tls-verify=false";

async function expectNoise(image: string, context: string): Promise<void> {
  const mounted = await podman("image", "mount", image);
  await expectSameFile(join(mounted, noiseFile), join(context, noiseFile));
  await podman("image", "unmount", image);
}

testClient(place, {
  name: "podman",
  peers: ["podman", "buildah", "busybox"],
  version: () => podman("--version"),
  cells: {
    push: {
      does: "`podman login`, `podman build` of the image, `podman push`; the digest it writes is the registry's",
      async run(registry) {
        await podman("login", plain, "--username=someone", "--password=anything", registry);
        const image = `${registry}/podman/app:1`;
        await podman("build", "--quiet", "--tag", image, images.big.context);
        await podman("push", plain, "--digestfile", join(place.folder, "digest"), image);
        expect(await place.call("cat", "digest")).toBe((await readManifest(registry, "podman/app", "1")).digest);
      },
    },
    pull: {
      does: "`podman pull` by digest and by tag, after everything local was removed; a file compared; `podman run`",
      async run(registry) {
        const { digest, document } = await readManifest(registry, "podman/app", "1");
        const [tagged, exact] = [`${registry}/podman/app:1`, `${registry}/podman/app@${digest}`];
        await podman("rmi", "--all", "--force");
        const id = await podman("pull", "--quiet", plain, exact);
        expect(`sha256:${id}`).toBe(document.config?.digest);
        await expectNoise(exact, images.big.context);
        expect(await podman("pull", "--quiet", plain, tagged)).toBe(id);
        // Where hard limits cannot be raised, podman's own would stop it.
        const limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];
        expect(await podman("run", "--rm", "--network=none", ...limits, tagged)).toBe("it runs");
        await podman("rmi", "--all", "--force");
      },
    },
    list: {
      does: "`podman search --list-tags` of a repository, and `podman search` of the catalogue",
      async run(registry) {
        expect(await podman("search", plain, "--list-tags", `${registry}/podman/app`)).toMatch(/podman\/app +1$/m);
        expect(await podman("search", plain, `${registry}/podman/`)).toContain(`${registry}/podman/app`);
      },
    },
    delete: { reason: "podman removes only what is on its own machine" },
    "multi-arch copy": {
      does: "`podman build` for two platforms, `podman manifest push --all`; `podman pull --arch` of each",
      async run(registry) {
        const image = `${registry}/podman/multi:1`;
        const platforms = "--platform=linux/amd64,linux/arm64";
        await podman("build", "--quiet", "--layers=false", platforms, "--manifest", "multi", images.multi.context);
        await podman("manifest", "push", plain, "--all", "multi", `docker://${image}`);
        await podman("manifest", "rm", "multi");
        const { document } = await readManifest(registry, "podman/multi", "1");
        expect(document.manifests?.map(({ platform }) => platform?.architecture).sort()).toEqual(["amd64", "arm64"]);
        for (const architecture of ["amd64", "arm64"]) {
          await podman("rmi", "--all", "--force");
          await podman("pull", "--quiet", plain, "--arch", architecture, image);
          expect(await podman("image", "inspect", "--format={{.Architecture}}", image)).toBe(architecture);
        }
        await podman("rmi", "--all", "--force");
      },
    },
    "artifact with referrers": { reason: "podman 4 pushes images only, and reads no referrers" },
    resume: {
      does: "a connection is reset in the middle of a push, and of a pull: podman tries again, or is run again; a file compared",
      async run(registry) {
        const image = (address: string) => `${address}/podman/resumed:1`;
        const push = async (address: string) => {
          await podman("build", "--quiet", "--tag", image(address), images.medium.context);
          await place.insist("podman", ...options, "push", "--quiet", plain, image(address));
        };
        await cutBoth(registry, cutAt, push, async (address) => {
          await podman("rmi", "--all", "--force");
          await place.insist("podman", ...options, "pull", "--quiet", plain, image(address));
          await expectNoise(image(address), images.medium.context);
          await podman("rmi", "--all", "--force");
        });
      },
    },
    TLS: {
      does: "`podman push` and `podman pull` with the authority in `--cert-dir`; without it, podman refuses",
      async run(registry) {
        const image = `${registry}/podman/secure:1`;
        const trust = ["--cert-dir", dirname(inject("secure")!.certificate)];
        await podman("build", "--quiet", "--tag", image, images.medium.context);
        expect(await place.refuse("podman", ...options, "push", image)).toContain("x509");
        await podman("push", ...trust, image);
        await podman("rmi", "--all", "--force");
        await podman("pull", "--quiet", ...trust, image);
        await expectNoise(image, images.medium.context);
        await podman("rmi", "--all", "--force");
      },
    },
  },
});
