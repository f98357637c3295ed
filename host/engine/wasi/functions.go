package wasi

import "github.com/seraihost/serai/host/engine"

// Functions returns all functions of WASI preview 1. The slice is the
// caller's; the functions are safe for concurrent use by different guests.
func Functions() []engine.HostFunc {
	return []engine.HostFunc{
		function("args_get", "ii", argsGet),
		function("args_sizes_get", "ii", argsSizesGet),
		function("environ_get", "ii", environGet),
		function("environ_sizes_get", "ii", environSizesGet),
		function("clock_res_get", "ii", clockResGet),
		function("clock_time_get", "iIi", clockTimeGet),
		function("fd_advise", "iIIi", fdAdvise),
		function("fd_allocate", "iII", fdAllocate),
		function("fd_close", "i", fdClose),
		function("fd_datasync", "i", fdSync),
		function("fd_fdstat_get", "ii", fdFdstatGet),
		function("fd_fdstat_set_flags", "ii", fdFdstatSetFlags),
		function("fd_fdstat_set_rights", "iII", fdFdstatSetRights),
		function("fd_filestat_get", "ii", fdFilestatGet),
		function("fd_filestat_set_size", "iI", fdReadOnly),
		function("fd_filestat_set_times", "iIIi", fdReadOnly),
		function("fd_pread", "iiiIi", fdPread),
		function("fd_prestat_dir_name", "iii", fdPrestatDirName),
		function("fd_prestat_get", "ii", fdPrestatGet),
		function("fd_pwrite", "iiiIi", fdPwrite),
		function("fd_read", "iiii", fdRead),
		function("fd_readdir", "iiiIi", fdReaddir),
		function("fd_renumber", "ii", fdRenumber),
		function("fd_seek", "iIii", fdSeek),
		function("fd_sync", "i", fdSync),
		function("fd_tell", "ii", fdTell),
		function("fd_write", "iiii", fdWrite),
		function("path_create_directory", "iii", pathReadOnly(0, 1)),
		function("path_filestat_get", "iiiii", pathFilestatGet),
		function("path_filestat_set_times", "iiiiIIi", pathReadOnly(0, 2)),
		function("path_link", "iiiiiii", pathReadOnly(0, 2)),
		function("path_open", "iiiiiIIii", pathOpen),
		function("path_readlink", "iiiiii", pathReadlink),
		function("path_remove_directory", "iii", pathReadOnly(0, 1)),
		function("path_rename", "iiiiii", pathReadOnly(0, 1)),
		function("path_symlink", "iiiii", pathReadOnly(2, 3)),
		function("path_unlink_file", "iii", pathReadOnly(0, 1)),
		blocking(function("poll_oneoff", "iiii", pollOneoff)),
		procExit,
		function("proc_raise", "i", procRaise),
		function("random_get", "ii", randomGet),
		function("sched_yield", "", schedYield),
		function("sock_accept", "iii", sockAny),
		function("sock_recv", "iiiiii", sockAny),
		function("sock_send", "iiiii", sockAny),
		function("sock_shutdown", "ii", sockAny),
	}
}

// blocking marks a function that may wait.
func blocking(f engine.HostFunc) engine.HostFunc {
	f.Blocks = true
	return f
}
