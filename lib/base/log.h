/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log lines on standard error, with a syslog level prefix when a service manager reads them (sd-daemon(3)).
 * Any thread. Library code logs at debug only; programs log once, at the top. */
#ifndef INGOT_BASE_LOG_H
#define INGOT_BASE_LOG_H

#include "base/util.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
/* Keep quiet altogether (simulation). */
void log_set_quiet(bool quiet);
void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
