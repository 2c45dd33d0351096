import { constants } from "node:crypto";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import { findCertificateLogin } from "../../access/index.ts";
import type { ShownCertificate } from "../../access/index.ts";
import type { Certificate, ClientTrust } from "./certificate.ts";

/** What OpenSSL's words mean to whoever shows the certificate. */
const problems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "it has expired: get a new one",
  CERT_NOT_YET_VALID: "it is not good yet: look at the clocks",
  CERT_REVOKED: "it was revoked",
  CRL_HAS_EXPIRED: "the list of revoked certificates is too old: tell the operator to renew `tls.clientCrl`",
  UNABLE_TO_GET_CRL:
    "there is no list of revoked certificates of its authority: tell the operator to add it to `tls.clientCrl`",
  INVALID_PURPOSE: "it is not made for clients (extended key usage)",
};
const stranger = "its authority is not one that this registry believes";

/** What a secure context needs, of a server that asks clients for certificates or does not. */
export function contextOf({ cert, key, clients }: Certificate): SecureContextOptions {
  const common = { cert, key, minVersion: "TLSv1.2" } as const;
  if (clients === undefined) return common;
  const { ca, crl } = clients;
  // A session that goes on would bring what was believed of its certificate then.
  return { ...common, ca, ...(crl === undefined ? {} : { crl }), secureOptions: constants.SSL_OP_NO_TICKET };
}

/** What a client showed; undefined when it showed nothing. */
export function readShown(socket: TLSSocket, { names }: ClientTrust): ShownCertificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const code = String((socket.authorizationError as Error | string | undefined) ?? "");
  const until = Date.parse(certificate.validTo);
  const found = findCertificateLogin(names, certificate);
  if (socket.authorized) return { ...found, problem: undefined, until };
  return { ...found, login: undefined, problem: problems[code] ?? stranger, until };
}
