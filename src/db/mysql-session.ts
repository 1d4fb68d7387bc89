/*
 * Settings of a MySQL session that Baton's statements rely on. A server, a user's init_connect or a team's defaults may have
 * others.
 */

/**
 * Strict, so that a value that does not fit its column is an error. Everything that changes how a statement is read is off:
 * NO_BACKSLASH_ESCAPES, ANSI_QUOTES, PIPES_AS_CONCAT, SIMULTANEOUS_ASSIGNMENT, ORACLE, …
 */
export const SQL_MODE =
  'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';

/** Under MySQL's default isolation, upserts of neighbouring pages lock the gaps between them, and deadlock. */
const ISOLATION = 'READ-COMMITTED';

/**
 * Sets the session in one statement; sql_notes and max_error_count so that each change of a value leaves its warning. MySQL 8 and MariaDB name the isolation differently, so each reads a comment of its own:
 * MariaDB skips the versions of MySQL from 5.7 on, and MySQL skips `M!`.
 */
export const SET_SESSION = `SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci,
  SESSION sql_mode = '${SQL_MODE}',
  SESSION time_zone = '+00:00',
  SESSION autocommit = 1,
  SESSION default_storage_engine = InnoDB,
  SESSION unique_checks = 1,
  SESSION sql_notes = 1,
  SESSION max_error_count = 1024,
  SESSION sql_safe_updates = 0,
  SESSION sql_big_selects = 1,
  SESSION sql_select_limit = 18446744073709551615
  /*!80000 , SESSION transaction_isolation = '${ISOLATION}' */
  /*M! , SESSION tx_isolation = '${ISOLATION}' */`;
