import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startBackEnds, startSecureRegistry } from "./back-ends.ts";
import type { BackEnd, SecureRegistry } from "./back-ends.ts";
import { buildImages } from "./images.ts";
import type { Images } from "./images.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Registries that the clients meet, started once for the run. */
    readonly backEnds: readonly BackEnd[];
    /** Undefined where openssl is not installed. */
    readonly secure: SecureRegistry | undefined;
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
    const { backEnds, stop } = await startBackEnds();
    project.provide("backEnds", backEnds);
    await mkdir(join(folder, "tls"));
    const secure = await startSecureRegistry(join(folder, "tls"));
    project.provide("secure", secure && { registry: secure.registry, certificate: secure.certificate });
    return async () => {
      try {
        await secure?.stop();
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
