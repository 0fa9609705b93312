//! Indonesian.

use super::{Topic, Words};

pub(super) const fn words(topic: Topic) -> Words {
    match topic {
        Topic::Signup => Words {
            subject: "Konfirmasi alamat Anda di {name}",
            lead: "Selamat datang di {name}. Mohon konfirmasi bahwa ini alamat email Anda.",
            action: "Konfirmasi alamat",
            code: "Atau ketik kode ini:",
            tail: "Jika Anda tidak mendaftar, abaikan saja: tanpa konfirmasi, akun tidak dapat dipakai.",
        },
        Topic::AccountExists => Words {
            subject: "Anda sudah punya akun di {name}",
            lead: "Seseorang, mungkin Anda, mencoba memakai alamat ini untuk akun di {name}. Alamat ini sudah punya akun, dan tidak ada yang berubah.",
            action: "Buka situs",
            code: "",
            tail: "Jika itu Anda: silakan masuk, atau minta kata sandi baru di sana. Jika bukan, Anda tidak perlu melakukan apa pun.",
        },
        Topic::Recovery => Words {
            subject: "Buat kata sandi baru di {name}",
            lead: "Seseorang, kemungkinan Anda, meminta kata sandi baru untuk akun Anda di {name}.",
            action: "Buat kata sandi baru",
            code: "Atau ketik kode ini:",
            tail: "Jika Anda tidak memintanya, abaikan saja: kata sandi Anda tetap sama.",
        },
        Topic::Lockout => Words {
            subject: "Akun Anda di {name} dikunci sementara",
            lead: "Terlalu banyak percobaan masuk yang gagal ke akun Anda di {name}. Untuk sementara tidak seorang pun dapat masuk dari sana, juga dengan kata sandi yang benar.",
            action: "Jika itu Anda, masuk di sini dan buat kata sandi baru",
            code: "Atau ketik kode ini:",
            tail: "Jika bukan Anda, Anda tidak perlu melakukan apa pun: tidak ada yang berhasil masuk. Kunci ini berakhir dengan sendirinya.",
        },
        Topic::MagicLink => Words {
            subject: "Masuk ke {name}",
            lead: "Dengan ini Anda masuk ke {name}, satu kali.",
            action: "Masuk",
            code: "Atau ketik kode ini:",
            tail: "Jika Anda tidak memintanya, abaikan saja, dan jangan berikan kode ini kepada siapa pun.",
        },
        Topic::Invite => Words {
            subject: "Undangan ke {name}",
            lead: "Anda diundang untuk memiliki akun di {name}.",
            action: "Terima undangan",
            code: "Atau ketik kode ini:",
            tail: "Jika Anda tidak menginginkannya, abaikan saja.",
        },
        Topic::EmailChangeFrom => Words {
            subject: "Ubah alamat Anda di {name}",
            lead: "Akun Anda di {name} akan memakai alamat {address}. Mohon konfirmasi di sini, dan di email yang kami kirim ke sana.",
            action: "Konfirmasi perubahan",
            code: "Atau ketik kode ini:",
            tail: "Jika Anda tidak memintanya, jangan konfirmasi, dan ganti kata sandi Anda: ada yang masuk sebagai Anda.",
        },
        Topic::EmailChangeTo => Words {
            subject: "Konfirmasi alamat baru Anda di {name}",
            lead: "Sebuah akun di {name} akan memakai alamat ini. Mohon konfirmasi bahwa alamat ini milik Anda, di sini dan di email yang kami kirim ke alamat lama.",
            action: "Konfirmasi alamat baru",
            code: "Atau ketik kode ini:",
            tail: "Jika Anda tidak memintanya, abaikan saja.",
        },
        Topic::Reauthentication => Words {
            subject: "Kode Anda untuk {name}",
            lead: "Untuk melanjutkan di {name}, buktikan bahwa ini Anda.",
            action: "",
            code: "Ketik kode ini:",
            tail: "Jika Anda tidak memintanya, ganti kata sandi Anda: ada yang masuk sebagai Anda. Jangan berikan kode ini kepada siapa pun.",
        },
        Topic::PasswordChanged => Words {
            subject: "Kata sandi Anda di {name} telah diganti",
            lead: "Kata sandi akun Anda di {name} telah diganti, dan perangkat Anda yang lain telah dikeluarkan.",
            action: "Buka situs",
            code: "",
            tail: "Jika bukan Anda, segera minta kata sandi baru di sana.",
        },
    }
}
