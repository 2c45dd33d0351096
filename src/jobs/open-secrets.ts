import { unseal } from "../access/index.ts";
import type { Access } from "../access/index.ts";
import type { WebhookRow } from "../metadata/index.ts";

/** What webhooks' secrets are sealed for. */
export const secretPurpose = "webhook-secret";

/** The secrets that sign now, the latest first; what is sealed under another key is left out. */
export function secretsOf({ access }: { readonly access: Access }, row: WebhookRow): string[] {
  const former = row.former_secret !== null && (row.former_until ?? 0) > Date.now() ? [row.former_secret] : [];
  const opened = [row.secret, ...former].map((text) => unseal(access.sealingKey, secretPurpose, text));
  return opened.flatMap((secret) => (secret === undefined ? [] : [secret.toString()]));
}
