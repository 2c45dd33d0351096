import { readFile, stat } from "node:fs/promises";
import { createSecureContext } from "node:tls";

/** Paths of a PEM certificate (with its chain) and its PEM key. */
export interface CertificatePaths {
  readonly certificate: string;
  readonly key: string;
}

/** PEM texts that belong together. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** @throws Error that names the files and says what to do */
export async function readCertificate(paths: CertificatePaths): Promise<Certificate> {
  const cert = await readPem("tls.certificate", paths.certificate);
  const key = await readPem("tls.key", paths.key);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new Error(
      `${paths.certificate} and ${paths.key} are no certificate with its key (${(cause as Error).message}): give both as PEM, the server's certificate first`,
      { cause },
    );
  }
  return { cert, key };
}

async function readPem(setting: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === "ENOENT" ? "is not there" : `cannot be read (${String(cause)})`;
    throw new Error(`${path} ${why}: name the PEM file in \`${setting}\`, readable for the account that runs Berth`, {
      cause,
    });
  }
}

/** Between two looks at the files, in milliseconds. Looking costs two calls, and finds replaced links too. */
const lookEvery = 2_000;

/**
 * Calls `change` with each new certificate; a broken or half-written one is told to `broken` once and the present one
 * stays. Resolves with what ends the watch.
 */
export async function watchCertificate(
  paths: CertificatePaths,
  change: (certificate: Certificate) => void,
  broken: (error: Error) => void,
): Promise<() => void> {
  let seen = await lookAt(paths);
  let looking = false;
  const look = async () => {
    const now = await lookAt(paths);
    if (now === seen) return;
    seen = now;
    try {
      change(await readCertificate(paths));
    } catch (error) {
      broken(error as Error);
    }
  };
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => (looking = false));
  }, lookEvery);
  timer.unref();
  return () => clearInterval(timer);
}

async function lookAt({ certificate, key }: CertificatePaths): Promise<string> {
  const looks = [certificate, key].map((path) =>
    stat(path).then(
      ({ ino, size, mtimeMs }) => `${ino}:${size}:${mtimeMs}`,
      (error: NodeJS.ErrnoException) => String(error.code),
    ),
  );
  return (await Promise.all(looks)).join(" ");
}
