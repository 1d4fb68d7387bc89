/** The database server that Baton is connected to. */
export interface DatabaseServer {
  readonly kind: 'mysql' | 'mariadb' | 'sqlite';
  /** What it says of itself, such as `8.0.43` or `10.11.19-MariaDB`. */
  readonly version: string;
  /** Who runs it, as far as the server shows it; null: not known. */
  readonly host: 'rds' | 'aurora' | null;
}
