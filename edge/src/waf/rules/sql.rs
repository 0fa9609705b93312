//! SQL injection.

super::rules! { TABLE ["sqli", "CWE-89", "crs-942"];
    UNION "sqli-001" "UNION SELECT" Critical 1:
        "1 UNION ALL SELECT username, password FROM users", "1%2527%20union/**/select%201,2--",
        not "the European Union select countries from the list";
    SELECT "sqli-002" "SELECT statement" Critical 1:
        "SELECT * FROM users WHERE id = 1", "1%253B%2520select%2520a%252Cb%2520from%2520t",
        not "please select a specialty hospital from the list";
    SELECT_WEAK "sqli-003" "possible statement" Warning 1:
        "select name from islands", "select%2520name%2520from%2520islands",
        not "select one or more from the menu";
    INSERT "sqli-004" "INSERT statement" Critical 1:
        "1; INSERT INTO users (a) VALUES (1)", "INSERT%2520INTO%2520users%2520VALUES(1)",
        not "insert into the slot";
    UPDATE "sqli-005" "UPDATE statement" Critical 1:
        "'; UPDATE users SET role = 'admin'", "UPDATE%2520users%2520SET%2520a%253D1",
        not "update everything set for Monday";
    DELETE "sqli-006" "DELETE statement" Critical 1:
        "1; DELETE FROM orders", "DELETE%2520FROM%2520users",
        not "delete from the cart what you do not need";
    DROP "sqli-007" "schema statement" Critical 1:
        "'; DROP TABLE users--", "DROP%2520DATABASE%2520shop",
        not "drop table reservations at the restaurant";
    TAUTOLOGY "sqli-008" "boolean condition" Critical 1:
        "' OR '1'='1", "1%2527%2520or%25201%253D1",
        not "1=1 is true -- or so";
    COMMENT "sqli-009" "quote closed and rest commented out" Critical 1:
        "admin'--", "admin%2527%2520%2523",
        not "the dogs' -- and the cats' -- bowls";
    TIME "sqli-010" "time-based probe" Critical 1:
        "1; WAITFOR DELAY '0:0:5'", "sleep%25285%2529",
        not "I sleep (8 hours) a day";
    CATALOG "sqli-011" "system catalogue" Critical 1:
        "1 and x in (select y from INFORMATION_SCHEMA.tables)", "pg_catalog%252Epg_user",
        not "the information_schema is described in the manual";
    LEAK "sqli-012" "function that leaks or runs commands" Critical 1:
        "1 and extractvalue(1,concat(0x7e,version()))", "1%2520and%2520load_file%2528%2527a%2527%2529",
        not "the concat (join) operation";
    ORDER "sqli-013" "column count probe" Critical 1:
        "1' ORDER BY 10-- -", "1%2527%2520order%2520by%25203%2523",
        not "please order by 3 pm";
    STACKED "sqli-014" "stacked statement" Critical 1:
        "1; EXEC xp_cmdshell('dir')", "1%253Bdeclare%2520%2540q%2520int",
        not "come in; declare your goods";
    ARITHMETIC "sqli-015" "expression continued behind the quote" Critical 1:
        "'-'", "%2527%253D%2527", not "rock'n'roll";
    INTO_FILE "sqli-016" "result written to a file" Critical 1:
        "1 limit 1 into outfile '/tmp/x'", "1%2520into%2520dumpfile%2520%2527%252Ftmp%2527",
        not "put it into outfile boxes";
    PROBE "sqli-017" "value that provokes a database error" Critical 1:
        "@@version", "1%2527%2522",
        not "5' 10\"";
}

super::literal::literals! {
    PROBE, Any, Anywhere: ["’=’", "<'\">", "1.e(select", "1.e(1.e("];
    LEAK, Any, Anywhere: ["exec[master]", "]..[xp_", "..xp_cmdshell", "..xp_dirtree", "exec master..", "do language plpgsql", "do language 'plpgsql", "alter role current_user", "alter user current_user", "restore headeronly", "restore filelistonly", "restore labelonly", "/*!99999", "/*!00000union", "/*!50000union", "/*!12345union", "/*!00000select", "/*!50000select", "*/union/*", "*/select/*", "export data options(", "ignore(numbers(", "(table users limit", "union(table(", "password~'^", "password~~'", "or@@version", "or@a:=", "or nq'", "or q'[", "$$like$$", "'::jsonb)?'", "isnull(1/0", " escape '' or", "1.e(union", "or 1 notnull", "or 1 isnull", "' or document('http", "'or document('http", "(: '", "or/*/*[", "] | //*[", "|//*|", "' or count(/*)", "init=runscript", "runscript from '", "rdb$get_context(", "from rdb$", "link_schema("];
}
