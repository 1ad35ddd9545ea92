/* What GRDB does not offer: to look at a database's files through the descriptors that its connection has. Opening them
 * a second time would do harm, since closing that descriptor ends all of the process's locks on the file.
 */
#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H

#include <sqlite3.h>

/* sqlite3_db_config is variadic, and Swift imports no variadic C function. The last connection to close then leaves the
 * log as it is: neither written into the database nor deleted. */
static inline int csqlite_keep_log(sqlite3 *connection) {
    return sqlite3_db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

/* The database's file, or its log's. SQLite's structures are Swift's through GRDB's module only, so they stay in here. */
static inline sqlite3_file *csqlite_file(sqlite3 *connection, int is_log) {
    sqlite3_file *file = 0;
    int which = is_log ? SQLITE_FCNTL_JOURNAL_POINTER : SQLITE_FCNTL_FILE_POINTER;
    if (sqlite3_file_control(connection, "main", which, &file) != SQLITE_OK || !file || !file->pMethods) return 0;
    return file;
}

/* What lies beyond the end is zeros, and no error. */
static inline int csqlite_read(sqlite3 *connection, int is_log, void *bytes, int count, long long offset) {
    sqlite3_file *file = csqlite_file(connection, is_log);
    int code = file ? file->pMethods->xRead(file, bytes, count, offset) : SQLITE_NOTFOUND;
    return code == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : code;
}

static inline int csqlite_size(sqlite3 *connection, int is_log, long long *size) {
    sqlite3_file *file = csqlite_file(connection, is_log);
    sqlite3_int64 bytes = 0;
    int code = file ? file->pMethods->xFileSize(file, &bytes) : SQLITE_NOTFOUND;
    *size = bytes;
    return code;
}

/* The first page of the log's index, which the connection has in its memory; null when it has no log. */
static inline const void *csqlite_index(sqlite3 *connection) {
    sqlite3_file *file = csqlite_file(connection, 0);
    void volatile *page = 0;
    /* Without a log SQLite would make an index. */
    if (!file || !csqlite_file(connection, 1) || file->pMethods->iVersion < 2 || !file->pMethods->xShmMap) return 0;
    return file->pMethods->xShmMap(file, 0, 32768, 0, &page) == SQLITE_OK ? (const void *)page : 0;
}

#endif
