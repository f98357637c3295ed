// Package sqldb is the connector for relational databases: PostgreSQL,
// MySQL and MariaDB, SQLite, SQL Server and Oracle.
//
// A service sends a statement with parameters, never text with values in it,
// and gets typed rows, page by page. A transaction belongs to the call that
// began it and is rolled back when that ends. Which values a column has is
// told with the rows, so that decimals, times and bytes arrive as they were.
package sqldb
