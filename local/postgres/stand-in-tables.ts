/** The part of Odoo's schema that the platform itself reads or writes, for a template without a real Odoo. */
import { Client } from 'pg'
import type { BuildAccess } from '#shared/postgres/template.ts'

const LOG_COLUMNS = 'create_uid integer, create_date timestamp, write_uid integer, write_date timestamp'

const TABLES = `
  CREATE TABLE ir_config_parameter (
    id serial PRIMARY KEY, key varchar NOT NULL, value text NOT NULL, ${LOG_COLUMNS},
    CONSTRAINT ir_config_parameter_key_uniq UNIQUE (key)
  );
  CREATE TABLE res_partner (id serial PRIMARY KEY, name varchar, email varchar, active boolean DEFAULT true, ${LOG_COLUMNS});
  CREATE TABLE res_company (id serial PRIMARY KEY, name varchar NOT NULL, partner_id integer REFERENCES res_partner, ${LOG_COLUMNS});
  CREATE TABLE res_users (
    id serial PRIMARY KEY, login varchar NOT NULL, password varchar, active boolean DEFAULT true,
    company_id integer NOT NULL REFERENCES res_company, partner_id integer NOT NULL REFERENCES res_partner, ${LOG_COLUMNS},
    CONSTRAINT res_users_login_key UNIQUE (login)
  );
  CREATE TABLE ir_model_data (
    id serial PRIMARY KEY, module varchar NOT NULL, name varchar NOT NULL, model varchar NOT NULL, res_id integer,
    noupdate boolean DEFAULT false, ${LOG_COLUMNS}
  );
  CREATE TABLE ir_attachment (
    id serial PRIMARY KEY, name varchar NOT NULL, url varchar, mimetype varchar, store_fname varchar, db_datas bytea,
    file_size integer, checksum varchar(40), res_model varchar, res_id integer, ${LOG_COLUMNS}
  );
  CREATE TABLE ir_cron (
    id serial PRIMARY KEY, cron_name varchar, active boolean DEFAULT true, interval_number integer DEFAULT 1,
    interval_type varchar DEFAULT 'days', nextcall timestamp NOT NULL, lastcall timestamp, priority integer DEFAULT 5,
    ${LOG_COLUMNS}
  );
  CREATE TABLE ir_cron_trigger (id serial PRIMARY KEY, cron_id integer REFERENCES ir_cron, call_at timestamp NOT NULL, ${LOG_COLUMNS});
`

const ROWS = `
  INSERT INTO res_partner (name, email) VALUES ('My Company', NULL), ('OdooBot', NULL), ('Administrator', 'admin@example.com');
  INSERT INTO res_company (name, partner_id) VALUES ('My Company', 1);
  INSERT INTO res_users (login, password, active, company_id, partner_id) VALUES
    ('__system__', NULL, false, 1, 2), ('admin', 'admin', true, 1, 3);
  INSERT INTO ir_model_data (module, name, model, res_id) VALUES
    ('base', 'user_root', 'res.users', 1), ('base', 'user_admin', 'res.users', 2), ('base', 'main_company', 'res.company', 1);
  INSERT INTO ir_config_parameter (key, value) VALUES
    ('database.uuid', 'template'), ('database.secret', 'template'), ('database.create_date', '2020-01-01 00:00:00'),
    ('web.base.url', 'http://localhost:8069'), ('ir_attachment.location', 'db'), ('mail.catchall.domain', 'example.com');
  INSERT INTO ir_attachment (name, url, mimetype, db_datas, file_size) VALUES
    ('web.assets_web.min.css', '/web/assets/1/web.assets_web.min.css', 'text/css', '\\x2f2a2a2f', 4);
  INSERT INTO ir_cron (cron_name, interval_number, interval_type, nextcall) VALUES
    ('Base: Auto-vacuum internal data', 1, 'days', now() AT TIME ZONE 'UTC' + interval '1 day');
`

export async function standInTables(access: BuildAccess, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const client = new Client({ ...access, statement_timeout: 30_000 })
  await client.connect()
  try {
    await client.query(`BEGIN; ${TABLES} ${ROWS} COMMIT`)
  } finally {
    await client.end()
  }
}
