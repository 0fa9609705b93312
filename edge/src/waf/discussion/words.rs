//! Words that tell what a text is about and what its sentences do.

use std::sync::LazyLock;

/// A list in which a word is looked up by its length, its first and its last letter: each word of a text
/// is looked for in several.
#[derive(Debug)]
pub(super) struct List {
    slots: Vec<Vec<&'static [u8]>>,
}

pub(super) type Words = LazyLock<List>;

/// Slots of a list, a power of two.
const SLOTS: usize = 1024;

const fn slot(word: &[u8]) -> usize {
    let (Some(first), Some(last)) = (word.first(), word.last()) else {
        return 0;
    };
    (*first as usize * 37 + *last as usize * 5 + word.len() * 131) % SLOTS
}

impl List {
    /// The listed word that is the same.
    pub(super) fn get(&self, word: &[u8]) -> Option<&'static [u8]> {
        let words = self.slots.get(slot(word))?;
        words.iter().find(|known| **known == word).copied()
    }

    /// Whether the word is listed.
    pub(super) fn contains(&self, word: &[u8]) -> bool {
        self.get(word).is_some()
    }
}

/// A list from words with a space between them.
pub(super) fn words(list: &'static str) -> List {
    let mut slots = vec![Vec::new(); SLOTS];
    for word in list.split(' ').map(str::as_bytes) {
        if let Some(words) = slots.get_mut(slot(word)) {
            words.push(word);
        }
    }
    List { slots }
}

/// Words that sentences have and code has not, or not alone.
pub(super) static FUNCTION: Words = LazyLock::new(|| {
    words(
        "a about ada adalah after agar aja akan aku also am aman an any apa apakah are \
         atau bagaimana banget because bedanya been begini begitu belum bgt biar bila \
         bisa blm buat but can can't cara caranya could dan dari deh dengan dia did do \
         does doesn't don't dong ga gak gimana gini gitu gue gw had has have he \
         here him how i i'm ini is isn't it it's its itu jadi jika juga just kalau \
         kalian kalo kami kan karena kasih kayak kenapa kita kok lagi lalu maka mana \
         masih mau me mengapa mereka much my nggak nih no not now nya of oleh only our \
         pada padahal pakai pas perlu punya saja sama saya says sebagai sedang sekarang \
         seperti setelah she should sih since still sudah supaya sy tanpa tapi telah \
         terus than that the them there there's these they this those tidak to too tp \
         udah untuk very was we were what what's which who why why's will with would ya \
         yang yg you your",
    )
});

/// Words of questions, reports and answers.
pub(super) static ASKING: Words = LazyLock::new(|| {
    words(
        "added allowed allows alternative alternatives always aman another apa apakah \
         avoid bagaimana bahaya bantu beda bedain bedanya better bisa blank blocked \
         blocks boleh breaks broke broken bug bugs can't cannot cant cara caranya \
         change changed changes check coba complains consider correct crash crashed \
         crashes dangerous denied deprecated dianggap diblok difference dimana \
         discouraged does doesn't doesnt don't dont doubled empty ended ends enough \
         error errornya errors example expect expected expecting explain fail failed \
         failing fails faster filter fix fixed fixes flagged flags forbidden ga gagal \
         gak get getting gimana give gives got hang hangs happened happens harus \
         harusnya hilang how ignored ignores instead invalid isn't issue issues jadi \
         jalan jalankan kenapa killed kok kosong lambat leaves logged logs loops lost \
         make makes masalah mati mean meaning means mengapa minta missing mohon muncul \
         need needs never ngaruh nggak nothing noticed output outputs padahal pakai \
         pake possible prints problem problems ran recommended refused removed replace \
         replaced reported reports reproduce reproduced return returns run running runs \
         safe said salah salahnya says seems sends sent set should shouldn't show shows \
         slow slower solusi solusinya stays steps stopped stops strange sure tau think \
         throw throws tidak tolong tried try twice undefined understand unsafe upgrade \
         upgraded upgrading use used using versus vs vulnerable warning warnings warns \
         way weird what what's whats which why work working works wrong",
    )
});

/// Words of those who talk about attacks.
pub(super) static ATTACKS: Words = LazyLock::new(|| {
    words(
        "attack attacker backdoor burp bypass celah csrf defaced dvwa exploit exploitable exploited hack hacked hacker \
         injection keamanan kebobolan lfi log4shell malware owasp payload pentest pentester \
         phishing rce rfi scanner security shellshock sqli serangan sqlmap ssrf ssti traversal virus \
         vulnerabilities vulnerability vulnerable waf webshell xss xxe",
    )
});

/// Words of the trade that few other letters use.
pub(super) static TERMS: Words = LazyLock::new(|| {
    words(
        "abap adb airflow ajax alert alpine angular annotation ansible apache api apk \
         apollo arduino argument array ascii asp aspx assembler async attribute auth \
         authentication autocomplete await awk axios babel backdoor backend backtick \
         backticks base64 bash bat batch baud bcrypt bigquery bios blade blazor \
         bluetooth bookmarklet boolean bootstrap breakpoint browser buffer burp button \
         byte bytecode bytes callback canvas captcha carousel cassandra celery \
         certificate charset checkbox chmod chrome chroot ci clang classloader \
         classpath clickhouse clojure closure cmake cmd cname cobol cocoapods code \
         codeigniter coding column combobox command commit compile compiled compiler \
         composer concat config configmap configuration console container controller \
         cookie cookies cordova coroutine cors cpanel cpu crlf cron crontab crypto csp \
         csrf css csv cuda curl cursor cve cypher cypress daemon dapper dart dashboard \
         database dataframe dataset datatable db dbt deadlock debian debug debugger \
         debugging decimal decode decorator delphi deno dependency deploy deployed \
         deserialization devtools dhcp dict directory div django dkim dns docker \
         doctrine dom dompurify dovecot dropdown drupal duckdb dvwa dynamodb \
         elasticsearch electron elixir eloquent emacs emulator encode encoded endpoint \
         enum erb erlang errno error esbuild escape escaped escaping eslint etl eval excel \
         exception exec exploit express expression fail2ban favicon filter firefox \
         firewall flask flexbox flutter foreach fortran framework freemarker frontend \
         function fungsi gcc generics git github gitlab godot golang gorm goroutine \
         gpio gpu gradle grafana graphql grep groovy grpc grub gson guzzle gzip hacked \
         hacker hadoop handlebars handler haproxy hashmap haskell header heap helm hex \
         hibernate hosting hostname href htaccess html htmx http https hydration i2c ide \
         iframe imap import indexeddb inertia influxdb ingress inject injection \
         innerhtml inode input inputan int integer intellij intellisense ionic iptables \
         istio jar java javascript jdbc jenkins jest jinja jmx jndi joomla jooq jpa \
         jquery jsdom jsf json jsonb jsonp jsp jstl junit jupyter jvm jwt kafka keras \
         kerberos kernel kibana knex kode kodenya koding kodingan kolom kotlin kubectl \
         kubelet kubernetes lambda laravel latex ldap lfi library linker linq linter \
         linting linux lisp listener livewire llvm localhost localstorage lodash log \
         log4j log4shell login logstash lombok lookup loop lsp lua macos macro magento \
         makefile makro malloc malware mariadb matlab maui maven md5 merge method mfa \
         middleware migration mikrotik minecraft mobx module mongo mongodb mongoose \
         monorepo mtu mustache mutex mybatis mysql nameserver namespace navbar neo4j \
         neovim newline nginx node nodejs npm nslookup null numpy nuxt oauth objek odbc \
         ognl okhttp onclick onerror oom opcode openapi opencv openvpn oracle orm otp \
         overflow pandas parameter parse parser passkey payload pcap perintah perl \
         permission permissions perulangan php phpmyadmin pickle pinia pip pipeline \
         pivot placeholder playwright plugin pnpm pointer popup postfix postgres \
         postgresql postman powerbi powershell preprocessor prestashop printf println \
         prisma procedure prolog prometheus protobuf prototype proxy pug puppeteer \
         pytest python pytorch query quotes quoting rabbitmq rails ram razor rce react \
         recaptcha recursion redis redux regex regexes regexp registry repo repository \
         resolver retrofit rfi roblox rollup router rowcount ruby rumus runtime rust \
         rxjs safari saml sanitize sass scala scanf scanner schema scrapy script scss \
         sdk sed segfault selector selenium selinux semicolon sequelize serialization \
         server servlet session sessionstorage sha shell shellshock shopify sitemap \
         sklearn skrip smarty smtp snmp snowflake socket solidity spel spi splunk \
         spreadsheet spring springboot sprintf spss sql sqlalchemy sqli sqlite sqlmap \
         ssh ssid ssl sso ssr ssrf stacktrace staging stata statement stderr stdin \
         stdout storybook string strlen struct struts stylesheet subdomain submodule \
         subprocess subquery substring sudo svelte svg swagger swift symfony symlink \
         syntax syscall systemd tabel tablespace tailwind tauri tcpdump template \
         templates tensor tensorflow terminal terraform textbox thread thymeleaf \
         timeout tls token tombol tomcat toml totp traceback traceroute traefik \
         traversal treesitter tuple twig typedef typeorm typescript uart ubuntu udp \
         uefi underflow unicode unittest unserialize upstream uri url username \
         userscript utf variable varnish vba velocity viewport vim vite vlan vlookup \
         vpn vps vscode vue vuex vulnerability waf wasm webauthn webhook webpack \
         webpage webshell website webview wget windows winforms wireguard wireshark \
         wordpress workflow wpf wsdl xamarin xampp xcode xhr xml xpath xss xxe yaml \
         yarn yii zsh zustand",
    )
});
