/* What GRDB does not offer. SQLite's structures are Swift's through GRDB's module only, so they stay in here. */
#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H

#include <sqlite3.h>

/* sqlite3_db_config is variadic, and Swift imports no variadic C function. When it is off, the last connection to close
 * leaves the WAL as it is: neither written into the database nor deleted. */
static inline int csqlite_checkpoint_on_close(sqlite3 *connection, int is_on) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !is_on, (int *)0);
}

/* Without it each allocation takes a lock to be counted, for a figure that nobody reads. Before SQLite's first use. */
static inline int csqlite_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

/* Byte 18 of the database file itself ("Database File Format", 1.3.3): 2 for one with a WAL, 1 for one without; anything
 * else is no database. SQLite does not tell: where a -wal lies beside the file, it reads the first page from there,
 * whatever database that belongs to. Read through the connection's own descriptor, since closing another one would end
 * all of the process's locks on the file. */
static inline int csqlite_format(sqlite3 *connection) {
    sqlite3_file *file = 0;
    unsigned char format = 0;
    if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK) return 0;
    if (!file || !file->pMethods || file->pMethods->xRead(file, &format, 1, 18) != SQLITE_OK) return 0;
    return format;
}

#endif
