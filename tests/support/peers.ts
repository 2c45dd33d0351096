import { accessSync, constants } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import type { TestContext } from "vitest";

/**
 * The programs that tests run beside Berth. `at` is where it is looked for: a file of `.peers`, a program on PATH, or a
 * path of its own. Each name is also a name that `scripts/install-peers` knows.
 */
const peers = {
  aws: { at: { file: "aws" }, for: "the AWS command line" },
  "aws-debian": { at: { path: "/usr/bin/aws" }, for: "Debian's AWS command line, which needs a data path" },
  boto3: { at: { file: "boto3" }, for: "calls of the ECR API by boto3" },
  "boto3-old": { at: { file: "boto3-old" }, for: "calls of the ECR API by a boto3 that needs a data path" },
  buildah: { at: { program: "buildah" }, for: "images built and pushed by buildah" },
  buildctl: { at: { file: "buildctl" }, for: "images and caches of BuildKit" },
  buildkitd: { at: { file: "buildkitd" }, for: "images and caches of BuildKit" },
  busybox: { at: { program: "busybox" }, for: "images that clients run" },
  conformance: { at: { file: "conformance" }, for: "the official conformance suite" },
  crane: { at: { file: "crane" }, for: "pushes and pulls by crane" },
  curl: { at: { program: "curl" }, for: "a first push by curl" },
  distribution: { at: { file: "distribution" }, for: "images of a CNCF Distribution that are taken over" },
  docker: { at: { program: "dockerd" }, for: "a real docker daemon" },
  "docker-registry": { at: { program: "docker-registry" }, for: "images of a docker-registry 2.8 that are taken over" },
  "ecr-credentials": { at: { file: "ecr-credentials" }, for: "the kubelet's credentials for ECR" },
  "ecr-login": { at: { file: "ecr-login" }, for: "Amazon's credential helper of docker" },
  gcc: { at: { program: "gcc" }, for: "faults at every call of the file system" },
  haproxy: { at: { program: "haproxy" }, for: "several nodes behind HAProxy" },
  helm: { at: { file: "helm" }, for: "charts pushed and pulled by helm" },
  minio: { at: { file: "minio" }, for: "objects in MinIO" },
  moto: { at: { file: "moto" }, for: "answers of the ECR API beside those of moto" },
  nbdkit: { at: { program: "nbdkit" }, for: "power cuts" },
  nginx: { at: { program: "nginx" }, for: "Berth behind nginx" },
  openssl: { at: { program: "openssl" }, for: "certificates" },
  oras: { at: { file: "oras" }, for: "artifacts pushed and pulled by oras" },
  podman: { at: { program: "podman" }, for: "images pushed and pulled by podman" },
  postgresql: { at: { path: "/usr/lib/postgresql/15/bin/postgres" }, for: "rows in PostgreSQL" },
  skopeo: { at: { program: "skopeo" }, for: "images copied by skopeo" },
  slapd: { at: { program: "slapd" }, for: "people of an LDAP directory" },
  strace: { at: { program: "strace" }, for: "system calls counted" },
  versitygw: { at: { file: "versitygw" }, for: "objects in S3" },
} satisfies Record<string, { readonly at: Place; readonly for: string }>;

type Place = { readonly file: string } | { readonly program: string } | { readonly path: string };

export type PeerName = keyof typeof peers;
export const peerNames = Object.keys(peers) as readonly PeerName[];

/** The command that installs peers. */
export function installCommand(...names: readonly PeerName[]): string {
  return ["scripts/install-peers", ...names].join(" ");
}

/** Path of a peer program; undefined when it is not installed. @throws Error instead, under CI */
export function findPeer(name: PeerName): string | undefined {
  const path = locate(peers[name].at);
  if (path !== undefined) return path;
  if (process.env["CI"] === "true") throw new Error(missing([name]));
  return undefined;
}

/**
 * Path of a peer program that a test needs. Where it is missing the test counts as skipped with the command that
 * installs it, and fails under CI.
 */
export function getPeer(context: TestContext, name: PeerName): string {
  return findPeer(name) ?? context.skip(missing([name]));
}

/** Ends a test as skipped, with the command to run, unless all of its peers are there. @throws Error instead, under CI */
export function needPeers(context: TestContext, ...names: readonly PeerName[]): void {
  const absent = names.filter((name) => locate(peers[name].at) === undefined);
  if (absent.length === 0) return;
  if (process.env["CI"] === "true") throw new Error(missing(absent));
  context.skip(missing(absent));
}

/** The peers that are not installed, and what is not tested without them. */
export function listMissingPeers(): readonly { readonly name: PeerName; readonly for: string }[] {
  return peerNames
    .filter((name) => locate(peers[name].at) === undefined)
    .map((name) => ({ name, for: peers[name].for }));
}

function missing(names: readonly PeerName[]): string {
  return `${names.join(" and ")} not installed: run ${installCommand(...names)}`;
}

function locate(place: Place): string | undefined {
  if ("file" in place) return runnable(resolve(import.meta.dirname, "../../.peers", place.file));
  if ("path" in place) return runnable(place.path);
  // Debian keeps servers where a user's PATH does not look.
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    const found = runnable(join(folder, place.program));
    if (found !== undefined) return found;
  }
  return undefined;
}

function runnable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK);
    return path;
  } catch {
    return undefined;
  }
}
