export { setting } from "./kinds.ts";
export type { Secrecy } from "./kinds.ts";
export { listSettings, variableOf } from "./list-settings.ts";
export type { SettingEntry } from "./list-settings.ts";
export { SettingsError } from "./problem.ts";
export { flagOf, readSettings } from "./read-settings.ts";
export type { SettingOrigin, SettingValue } from "./read-settings.ts";
export { ldapSettings } from "./ldap-settings.ts";
export { fillSsoSecrets, listSsoVariables, ssoSettings } from "./sso-settings.ts";
