import { sql } from "kysely";
import { statement } from "./statement.ts";
import type { DeviceLoginTable } from "./schema-access.ts";

/** A machine's login that waits for somebody. */
export type DeviceLogin = Readonly<Omit<DeviceLoginTable, "id" | "polled_at">> & {
  readonly id: number;
  readonly polled_at: number;
};

/** No row when either code is there already. */
export const insertDeviceLogin = statement(
  "insertDeviceLogin",
  (
    _db,
    p: {
      deviceHash: string;
      userHash: string;
      client: string;
      address: string;
      network: string;
      provider: string | null;
      age: number | null;
      wait: number;
      now: number;
      expiresAt: number;
    },
  ) => sql<{ id: number }>`
    insert into device_login (device_hash, user_hash, client, address, network, provider, age, wait, created_at, expires_at)
    values (${p.deviceHash}, ${p.userHash}, ${p.client}, ${p.address}, ${p.network}, ${p.provider}, ${p.age}, ${p.wait},
      ${p.now}, ${p.expiresAt})
    on conflict do nothing returning id`,
);

/** @param hash of the code that the machine keeps */
export const findDeviceLogin = statement(
  "findDeviceLogin",
  (_db, p: { hash: string }) => sql<DeviceLogin>`select * from device_login where device_hash = ${p.hash}`,
);

/** @param hash of the code that somebody types */
export const findTypedLogin = statement(
  "findTypedLogin",
  (_db, p: { hash: string }) => sql<DeviceLogin>`select * from device_login where user_hash = ${p.hash}`,
);

export const findDeviceLoginById = statement(
  "findDeviceLoginById",
  (_db, p: { id: number }) => sql<DeviceLogin>`select * from device_login where id = ${p.id}`,
);

/** Those of an address that wait, as far as `limit`. */
export const countLoginsOfNetwork = statement(
  "countLoginsOfNetwork",
  (_db, p: { network: string; now: number; limit: number }) => sql<{ waiting: number }>`
    select count(*) as waiting from
      (select 1 from device_login where network = ${p.network} and expires_at > ${p.now} limit ${p.limit}) few`,
);

/** All that wait, as far as `limit`. */
export const countDeviceLogins = statement(
  "countDeviceLogins",
  (_db, p: { now: number; limit: number }) => sql<{ waiting: number }>`
    select count(*) as waiting from (select 1 from device_login where expires_at > ${p.now} limit ${p.limit}) few`,
);

/** @param wait milliseconds that must pass before the next look */
export const notePoll = statement(
  "notePoll",
  (_db, p: { id: number; now: number; wait: number }) => sql<never>`
    update device_login set polled_at = ${p.now}, wait = ${p.wait} where id = ${p.id}`,
);

/** No row is changed when it was settled already, or its time is over. */
export const settleDeviceLogin = statement(
  "settleDeviceLogin",
  (
    _db,
    p: {
      id: number;
      outcome: string;
      account: number | null;
      provider: string | null;
      login: string | null;
      now: number;
    },
  ) => sql<never>`
    update device_login
    set outcome = ${p.outcome}, account_id = ${p.account}, provider = ${p.provider}, login_id = ${p.login}
    where id = ${p.id} and outcome is null and expires_at > ${p.now}`,
);

export const deleteDeviceLogin = statement(
  "deleteDeviceLogin",
  (_db, p: { id: number }) => sql<never>`delete from device_login where id = ${p.id}`,
);

/** Forgets some of those whose time is over. */
export const deleteOldDeviceLogins = statement(
  "deleteOldDeviceLogins",
  (_db, p: { now: number }) => sql<never>`
    delete from device_login where id in
      (select id from device_login where expires_at <= ${p.now} order by expires_at limit 10)`,
);
