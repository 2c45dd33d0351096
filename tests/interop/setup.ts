import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startBackEnds } from "./back-ends.ts";
import type { BackEnd, SecureBackEnds } from "./back-ends.ts";
import { buildImages } from "./images.ts";
import type { Images } from "./images.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Registries over plain HTTP that the clients meet, started once for the run. */
    readonly backEnds: readonly BackEnd[];
    /** Undefined where openssl is not installed. */
    readonly secure: SecureBackEnds | undefined;
    /** Undefined where buildah is not installed. */
    readonly images: Images | undefined;
  }
}

/** Starts the registries and builds the images that every client's tests share. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "berth-interop-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    project.provide("images", await buildImages(join(folder, "images")));
    await mkdir(join(folder, "tls"));
    const { backEnds, secure, stop } = await startBackEnds(join(folder, "tls"));
    project.provide("backEnds", backEnds);
    project.provide("secure", secure);
    return async () => {
      try {
        await stop();
      } finally {
        await remove();
      }
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
