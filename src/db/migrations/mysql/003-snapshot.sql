-- What a running announcement sends: its row as it was at the start. A team's own view over push_announcement stays as it is.

CREATE TABLE IF NOT EXISTS push_snapshot (
  announcement_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  title           MEDIUMTEXT NOT NULL,
  body            MEDIUMTEXT NOT NULL,
  image           MEDIUMTEXT NULL,
  data            MEDIUMTEXT NOT NULL,
  options         MEDIUMTEXT NOT NULL,
  ttl_seconds     BIGINT UNSIGNED NULL,
  source          MEDIUMTEXT NOT NULL,
  guarantee       VARCHAR(16) NOT NULL,
  dry_run         TINYINT NOT NULL,
  audience        VARCHAR(16) NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
