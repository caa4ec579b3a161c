/** The variable in which `npm test` says why there is no Odoo, so that nobody tries again for every file. */
export const NO_ODOO = 'PLATXA_NO_ODOO'
