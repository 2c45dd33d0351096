import { randomBytes } from "node:crypto";
import { copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findPeer } from "../support/peers.ts";
import { run } from "../support/run.ts";

/** What a client builds from, and the same as an OCI layout with tag `1`, built by buildah. */
export interface Image {
  /** Build context with a `Containerfile`. */
  readonly context: string;
  readonly layout: string;
}

export interface Images {
  /** A static busybox, a program of this machine, and noise: more than 100 MB after compression. */
  readonly big: Image;
  /** The same with less noise, for pushes that are cut. */
  readonly medium: Image;
  /** An index of `linux/amd64` and `linux/arm64`; `context` builds one platform or both. */
  readonly multi: Image;
}

/** The file of `big` and `medium` that a pull is compared with, by its path in the context and in the image. */
export const noiseFile = "usr/noise";
/** Bytes of `noiseFile` of `medium` that have passed when a connection is cut. */
export const cutAt = 12_000_000;

/** Builds the images once for the run. @throws Error with buildah's words */
export async function buildImages(folder: string): Promise<Images | undefined> {
  const buildah = findPeer("buildah");
  const busybox = findPeer("busybox");
  if (buildah === undefined || busybox === undefined) return undefined;
  const stores = join(folder, "stores");
  const call = async (...args: string[]) => {
    const options = ["--root", join(stores, "root"), "--runroot", join(stores, "run"), "--storage-driver", "vfs"];
    const { code, output } = await run(buildah, [...options, ...args], { cwd: folder });
    if (code !== 0) throw new Error(`buildah ${args.join(" ")}: ${output}`);
  };
  const place = (name: string) => ({ context: join(folder, name), layout: join(folder, `${name}-layout`) });
  const images: Images = { big: place("big"), medium: place("medium"), multi: place("multi") };
  await fillContext(images.big.context, busybox, buildah, 96_000_000);
  await fillContext(images.medium.context, busybox, undefined, 24_000_000);
  for (const [name, { context, layout }] of Object.entries({ big: images.big, medium: images.medium })) {
    await call("bud", "--isolation=chroot", "--layers", "--tag", name, context);
    await call("push", name, `oci:${layout}:1`);
  }
  await mkdir(images.multi.context);
  await writeFile(join(images.multi.context, "file"), "the same on every platform\n");
  await writeFile(join(images.multi.context, "Containerfile"), multiFile);
  await call(
    "bud",
    "--isolation=chroot",
    "--platform=linux/amd64,linux/arm64",
    "--manifest",
    "multi",
    images.multi.context,
  );
  await call("manifest", "push", "--all", "multi", `oci:${images.multi.layout}:1`);
  await rm(stores, { recursive: true });
  return images;
}

const multiFile = `FROM scratch
ARG TARGETPLATFORM TARGETOS TARGETARCH
COPY file /file
LABEL built-for="$TARGETPLATFORM $TARGETOS $TARGETARCH"
`;

async function fillContext(
  context: string,
  busybox: string,
  program: string | undefined,
  noise: number,
): Promise<void> {
  await mkdir(join(context, "bin"), { recursive: true });
  await mkdir(join(context, "usr"));
  await copyFile(busybox, join(context, "bin/busybox"));
  await symlink("busybox", join(context, "bin/sh"));
  if (program !== undefined) await copyFile(program, join(context, "bin/program"));
  await writeFile(join(context, noiseFile), randomBytes(noise));
  await writeFile(
    join(context, "Containerfile"),
    `FROM scratch
COPY bin /bin
COPY ${noiseFile} /${noiseFile}
LABEL org.opencontainers.image.title=app
CMD ["/bin/sh", "-c", "echo it runs"]
`,
  );
}
