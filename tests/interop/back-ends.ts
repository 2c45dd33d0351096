import { join } from "node:path";
import { findPeer } from "../support/peers.ts";
import { startPostgres } from "../support/postgres.ts";
import { run } from "../support/run.ts";
import { s3Settings, startS3 } from "../support/s3.ts";
import { startTestServer } from "../support/start-server.ts";

/** A registry that clients are pointed at. */
export interface BackEnd {
  /** Where its rows and bytes are. */
  readonly name: string;
  /** `127.0.0.1:port`, plain HTTP. Undefined where its peers are not installed. */
  readonly registry: string | undefined;
}

/** A registry that answers HTTPS alone. */
export interface SecureRegistry {
  readonly registry: string;
  /** Path of its certificate, which is its own authority, in a folder where podman looks for one (`ca.crt`). */
  readonly certificate: string;
}

/** Starts a registry with a certificate of its own; undefined without openssl. `folder` keeps the files. */
export async function startSecureRegistry(
  folder: string,
): Promise<(SecureRegistry & { readonly stop: () => Promise<void> }) | undefined> {
  const openssl = findPeer("openssl");
  if (openssl === undefined) return undefined;
  const [certificate, key] = [join(folder, "ca.crt"), join(folder, "key.pem")];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const name = ["-subj", "/CN=Berth in a test", "-addext", "subjectAltName=IP:127.0.0.1"];
  const made = await run(openssl, ["req", ...kind, ...name, "-keyout", key, "-out", certificate], { cwd: folder });
  if (made.code !== 0) throw new Error(made.output);
  const server = await startTestServer({ tls: { certificate, key } });
  return { registry: server.host, certificate, stop: () => server.close() };
}

/** Starts a registry on every back end. `stop` throws when something broke inside one. */
export async function startBackEnds(): Promise<{
  readonly backEnds: readonly BackEnd[];
  readonly stop: () => Promise<void>;
}> {
  const files = await startTestServer();
  const [postgres, s3] = [await startPostgres(), await startS3("versitygw")];
  const objects =
    postgres === undefined || s3 === undefined
      ? undefined
      : await startTestServer({ database: postgres.url, ...(await s3Settings(s3)) });
  return {
    backEnds: [
      { name: "SQLite and files", registry: files.host },
      { name: "PostgreSQL and S3", registry: objects?.host },
    ],
    async stop() {
      await Promise.all([files.close(), objects?.close()]);
      await s3?.close();
      await postgres?.stop();
      const errors = [...files.errors, ...(objects?.errors ?? [])];
      if (errors.length > 0) throw new Error(`a registry met trouble: ${JSON.stringify(errors)}`);
    },
  };
}
